%% Read by LilyPond after record.ily: writes down where bars begin, in time and on the pages.
%%
%% A bar begins where LilyPond counts one, and at bar lines that are printed inside of one. Time is that of a
%% sheet: the music of one Score context, which need not be all of a score. What columns know of time counts
%% what skipTypesetting leaves out, too: the raw moment. The main moment does not.
%%
%% Records:
%%   bar    sheet timing raw main counted number signature   at this moment a bar begins (counted: 1), or only the
%%                                 difference of raw and main changes (0); timing is the number of the context that
%%                                 counts, -1 for that of the whole sheet
%%   sheet  sheet id               one of its notes, -1 if it has none
%%   system n sheet start end      system n has the music of a sheet from one raw moment to another
%%   column n raw x line grace     where that moment is in the system; line: 2 for the middle of a bar line, 1 for
%%                                 that of one that only divides a bar, 0 for none; grace: its grace time

\version "2.24.0"

#(define msmd-sheet-number (msmd-serial (make-hash-table)))
#(define msmd-timing-number (msmd-serial (make-hash-table)))

%%% In time %%%

%% For each sheet the raw moments at which bars begin.
#(define msmd-bar-moments (make-hash-table))

#(define (msmd-sheet context) (msmd-sheet-number (ly:context-property context 'rootSystem #f)))

#(define (msmd-bar-number context)
   "The number of the bar that begins in a context; a pickup before the first bar has the number before it."
   (let ((number (ly:context-property context 'currentBarNumber #f))
         (position (ly:context-property context 'measurePosition #f)))
     (cond
      ((not (integer? number)) "")
      ((and (ly:moment? position) (negative? (ly:moment-main position))) (1- number))
      ((eq? 'numbers-with-letters (ly:context-property context 'alternativeNumberingStyle #f))
       (catch #t
         (lambda ()
           (let ((format-number (ly:context-property context 'barNumberFormatter))
                 (alternative (ly:context-property context 'alternativeNumber #f)))
             (string-join
              (string-tokenize
               (markup->string
                (format-number number ZERO-MOMENT (if (integer? alternative) (1- alternative) #f) context))
               char-set:graphic)
              " ")))
         (lambda (key . arguments) number)))
      (else number))))

#(define (msmd-signature context)
   "The time signature as text such as 6/8, or empty where there is none."
   (let ((fraction (any (lambda (property)
                          (let ((value (ly:context-property context property #f)))
                            (and (pair? value) (number? (car value)) (number? (cdr value)) value)))
                        '(timeSignature timeSignatureFraction))))
     (if (and fraction (not (eq? #f (ly:context-property context 'timing #t))))
         (format #f "~a/~a" (car fraction) (cdr fraction))
         "")))

#(define (msmd-bar-watch context clock)
   "A function that is called at the end of each time step and writes down the bar that begins in it, if any."
   (let ((timing (if (ly:context-parent (ly:context-parent context)) (msmd-timing-number context) -1))
         (sheet #f) (table #f) (reached #f) (left-out #f) (timed? #t))
     (lambda ()
       (if (not (eq? #t (ly:context-property context 'skipTypesetting #f)))
           (let* ((raw (ly:moment-main (ly:context-current-moment context)))
                  (main (ly:moment-main (clock 'look)))
                  (position (ly:context-property context 'measurePosition #f))
                  (now-timed? (not (eq? #f (ly:context-property context 'timing #t))))
                  (counts? (and (ly:moment? position)
                                (or now-timed? timed?)
                                (or (not reached) (zero? (ly:moment-main position))))))
             (if (not sheet)
                 (begin
                   (set! sheet (msmd-sheet context))
                   (set! table (or (hashv-ref msmd-bar-moments sheet) (make-hash-table)))
                   (hashv-set! msmd-bar-moments sheet table)))
             (if (and (not (equal? raw reached))
                      (or counts? (not (equal? left-out (- raw main)))))
                 (begin
                   (hash-set! table raw #t)
                   (msmd-record "bar" sheet timing raw main (if counts? 1 0)
                                (msmd-bar-number context) (msmd-signature context))
                   (set! reached raw)
                   (set! left-out (- raw main))))
             (set! timed? now-timed?))))))

%% For a context that counts bars of its own, beside others: Timing_translator has been moved to the staff.
#(define (msmd-bar-engraver context)
   (let* ((clock (msmd-clock context)) (bars (msmd-bar-watch context clock)))
     (make-engraver
      ((process-music engraver) (clock 'now))
      ((stop-translation-timestep engraver) (clock 'stop) (bars)))))

#(define (msmd-timing-companion translator)
   (and (eq? 'Timing_translator (if (string? translator) (string->symbol translator) translator))
        msmd-bar-engraver))

%%% On the pages %%%

%% Where a system's own origin is, and where bar lines are, by the paper column that they stand in.
#(define msmd-system-origins (make-hash-table))
#(define msmd-bar-lines (make-hash-table))

#(define (msmd-place-system! staff-symbol x)
   (let ((system (ly:grob-system staff-symbol)))
     (if (and (ly:grob? system) (not (hashq-ref msmd-system-origins system)))
         (hashq-set! msmd-system-origins system
                     (- x (ly:grob-relative-coordinate staff-symbol system 0))))))

#(define (msmd-column-of item)
   (let up ((grob item))
     (cond
      ((not (ly:grob? grob)) #f)
      ((memq 'paper-column-interface (ly:grob-interfaces grob)) grob)
      (else (up (ly:grob-parent grob 0))))))

#(define (msmd-divides-bar? glyph)
   "Whether a bar line only divides a bar: it is dashed, dotted, or a tick."
   (not (string-any (string->char-set "|.S") glyph)))

#(define (msmd-place-bar-line! grob x)
   (let* ((stencil (ly:grob-property grob 'stencil))
          (xs (and (ly:stencil? stencil) (ly:stencil-extent stencil 0)))
          (glyph (ly:grob-property grob 'glyph-name #f))
          (column (msmd-column-of grob)))
     (if (and xs (< (car xs) (cdr xs)) (string? glyph) column
              (not (eq? #t (ly:grob-property grob 'transparent #f)))
              (not (hashq-ref msmd-bar-lines column)))
         (hashq-set! msmd-bar-lines column
                     (cons (+ x (/ (+ (car xs) (cdr xs)) 2)) (if (msmd-divides-bar? glyph) 1 2))))))

#(define (msmd-column-moment column)
   (let ((when (ly:grob-property column 'when #f)))
     (and (ly:moment? when) (ly:moment-main when))))

#(define (msmd-column-grace column) (ly:moment-grace (ly:grob-property column 'when ZERO-MOMENT)))

#(define (msmd-record-system system)
   (let* ((array (ly:grob-object system 'columns #f))
          (columns (if (ly:grob-array? array) (ly:grob-array->list array) '()))
          (origin (hashq-ref msmd-system-origins system))
          (sheet (msmd-sheet-number (ly:grob-original system)))
          (table (or (hashv-ref msmd-bar-moments sheet) (make-hash-table)))
          (number (msmd-system-number system)))
     (if (and origin (pair? columns)
              (msmd-column-moment (car columns)) (msmd-column-moment (car (last-pair columns))))
         (begin
           (msmd-record "system" number sheet
                        (msmd-column-moment (car columns)) (msmd-column-moment (car (last-pair columns))))
           (let ((placed #f))
             (for-each
              (lambda (column)
                (let ((moment (msmd-column-moment column))
                      (line (hashq-ref msmd-bar-lines column)))
                  (cond
                   (line
                    (msmd-record "column" number moment (car line) (cdr line) (msmd-column-grace column))
                    (set! placed moment))
                   ((and moment (not (equal? moment placed)) (hash-ref table moment))
                    (let ((extent (ly:grob-extent column system 0)))
                      (msmd-record "column" number moment
                                   (+ origin (if (interval-empty? extent)
                                                 (ly:grob-relative-coordinate column system 0)
                                                 (car extent)))
                                   0 (msmd-column-grace column))
                      (set! placed moment))))))
              columns))))))
