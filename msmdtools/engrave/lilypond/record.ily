%% Read by LilyPond before the source (-dinclude-settings): engraves the source as it is and writes down,
%% in records.tsv, every note head that is drawn, where, and every note that is performed, when.
%%
%% How a printed head and a performed note are known to be the same: before anything is interpreted, each
%% NoteEvent of a score's music gets a number (property msmd-id). The music that is performed is a copy of
%% the music that is engraved, so both carry the number, through repeats, tremolos and transpositions.
%%
%% Records (fields separated by tabs; moments in whole notes; lengths in staff spaces, y upwards):
%%   score  k                                      the k-th score of the source that is engraved
%%   note   id score repeat count tremolo file line column   a note in the music; innermost percent or tremolo
%%                                                 repeat around it, how often such repeats sound it in all,
%%                                                 and the number of the tremolo that it is part of, or -1
%%   head   n id main grace duration pitch staff staff-name voice-type grob   a note head was made
%%   page   book width height scale                a page begins (scale: millimetres per staff space)
%%   draw   n x0 y0 x1 y1 system staff-symbol      head n is on this page
%%   staff  staff-symbol x0 y0 x1 y1 system        a staff's lines are on this page
%%   perform  p                                    score p is performed from here on (again, perhaps)
%%   start  p main grace                           its performance begins at this moment
%%   play   p id main grace length pitch voice voice-type staff staff-name drum tie wait  a note is performed
%%   part   p staff place name short-name          a staff that sounds in it, and its place from the top
%%   bar, sheet, system, column                    where bars begin: see bars.ily
%%   lent   p program file line column             a score that is only played has this program for a note of p
%%   tie    p main grace voice                     all notes of the voice at this moment are tied onwards
%%   midi   p                                      msmd-p.midi has been written: it was performed to the end
%%
%% A source's variables take the place of Scheme's of the same name. Beware of first, second, last, X, Y below.

\version "2.24.0"

#(define msmd-port (open-file "records.tsv" "w"))
#(set-port-encoding! msmd-port "UTF-8")

#(define (msmd-record . fields)
   (display (car fields) msmd-port)
   (for-each (lambda (field) (display "\t" msmd-port) (display field msmd-port)) (cdr fields))
   (newline msmd-port))

%% LilyPond 2.24 has no such function.
#(if (not (defined? 'ly:event-length))
     (module-define! (current-module) 'ly:event-length
                     (lambda (event) (ly:event-property event 'length))))

#(define msmd-unfolded? (equal? (getenv "MSMD_REPEATS") "unfolded"))

%%% Numbers for notes %%%

#(set-object-property! 'msmd-id 'music-type? integer?)
#(set-object-property! 'msmd-id 'music-doc "Number of a note in the source's scores.")

#(define msmd-notes 0)
#(define msmd-scores 0)

#(define (msmd-numbered? music)
   (let ((element (ly:music-property music 'element)))
     (or (integer? (ly:music-property music 'msmd-id))
         (any msmd-numbered? (ly:music-property music 'elements '()))
         (and (ly:music? element) (msmd-numbered? element)))))

#(define (msmd-place music)
   "File, line and column of the source."
   (let ((origin (ly:music-property music 'origin #f)))
     (if (ly:input-location? origin)
         (let ((place (ly:input-file-line-char-column origin)))
           (list (basename (car place)) (cadr place) (caddr place)))
         '("" 0 0))))

#(define (msmd-number! music repeat count tremolo)
   (let ((name (ly:music-property music 'name))
         (element (ly:music-property music 'element)))
     (if (eq? name 'NoteEvent)
         (begin
           (ly:music-set-property! music 'msmd-id msmd-notes)
           (apply msmd-record "note" msmd-notes msmd-scores repeat count tremolo (msmd-place music))
           (set! msmd-notes (1+ msmd-notes))))
     (let* ((inner (case name
                     ((PercentRepeatedMusic) "percent")
                     ((TremoloRepeatedMusic) "tremolo")
                     (else #f)))
            (repeat (or inner repeat))
            (count (if inner (* count (ly:music-property music 'repeat-count 1)) count))
            (tremolo (if (equal? inner "tremolo") msmd-notes tremolo)))
       (for-each (lambda (m) (msmd-number! m repeat count tremolo))
                 (ly:music-property music 'elements '()))
       (if (ly:music? element) (msmd-number! element repeat count tremolo)))))

%%% Scores: what is engraved is performed, and nothing else %%%

#(define (msmd-expand-unfolded music)
   "Write out \\repeat unfold, so that each printed note is a note of its own."
   (map-some-music
    (lambda (m)
      (and (music-is-of-type? m 'unfolded-repeated-music)
           (make-sequential-music
             (ly:music-deep-copy ((ly:music-property m 'elements-callback) m)))))
    music))

#(define (msmd-output-defs score kind)
   "The score's blocks of a kind: layout or midi."
   (filter (lambda (def) (eq? kind (ly:output-def-lookup def 'output-def-kind)))
           (ly:score-output-defs score)))

#(define (msmd-engraved score)
   "The score as it is engraved, its notes numbered; what it performs is noted for later."
   (let* ((again? (msmd-numbered? (ly:score-music score)))
          (music (if again? (ly:music-deep-copy (ly:score-music score)) (ly:score-music score)))
          (layouts (msmd-output-defs score 'layout))
          (engraved (ly:make-score music)))
     (msmd-record "score" msmd-scores)
     (if (not again?)
         (begin
           (msmd-transpose! music)
           (msmd-accompany! music msmd-timing-companion)))
     (msmd-number! music "" 1 -1)
     (for-each (lambda (def) (ly:score-add-output-def! engraved (msmd-watched def)))
               (if (null? layouts) (list $defaultlayout) layouts))
     (if (module? (ly:score-header score)) (ly:score-set-header! engraved (ly:score-header score)))
     (msmd-to-perform! msmd-scores music (msmd-output-defs score 'midi))
     (set! msmd-scores (1+ msmd-scores))
     engraved))

#(define (msmd-printed item)
   "What is printed of an item of a book, or #f: a score that has only \\midi is not printed."
   ;; A score whose music has errors has none; LilyPond leaves it out by itself.
   (cond ((not (and (ly:score? item) (ly:music? (ly:score-music item)))) item)
         ((and (null? (msmd-output-defs item 'layout)) (pair? (msmd-output-defs item 'midi)))
          (msmd-to-lend! (ly:score-music item) (car (msmd-output-defs item 'midi)))
          #f)
         (else (msmd-engraved item))))

%% Only when a book is printed is it known what is in it: variables hold copies of books and parts of books.
#(define (msmd-printed-book book)
   "A copy of a book, or of a part of one, with what is printed of it."
   (let* ((parts (map msmd-printed-book (reverse (ly:book-book-parts book))))
          (items (reverse (filter-map msmd-printed (reverse (ly:book-scores book)))))
          (paper (ly:book-paper book))
          (header (ly:book-header book))
          (copy (if (ly:output-def? paper)
                    (apply ly:make-book paper header items)
                    (ly:make-book-part items))))
     (if (module? header) (ly:book-set-header! copy header))
     (for-each (lambda (part) (ly:book-add-bookpart! copy part)) parts)
     copy))

#(define msmd-books 0)
#(define (msmd-print-book book)
   (let ((printed (msmd-printed-book book)))
     (set! msmd-books (1+ msmd-books))
     (ly:book-process printed $defaultpaper $defaultlayout (format #f "book-~a" msmd-books))
     (msmd-perform-all!)
     (force-output msmd-port)))

toplevel-book-handler = #msmd-print-book
%% What files made for lilypond-book ask for instead.
#(set! print-book-with-defaults msmd-print-book)
#(set! print-book-with-defaults-as-systems msmd-print-book)

%%% Note heads %%%

#(define msmd-heads (make-hash-table))
#(define msmd-head-count 0)
#(define (msmd-serial table)
   "A function that numbers objects in the order in which it first sees them."
   (lambda (object)
     (or (hashq-ref table object)
         (let ((n (hash-count (const #t) table)))
           (hashq-set! table object n)
           n))))
#(define msmd-staff-number (msmd-serial (make-hash-table)))
#(define msmd-voice-number (msmd-serial (make-hash-table)))
#(define msmd-system-number (msmd-serial (make-hash-table)))
#(define msmd-symbol-number (msmd-serial (make-hash-table)))

#(define (msmd-event-id event)
   (let ((music (ly:event-property event 'music-cause #f)))
     (if (ly:music? music) (ly:music-property music 'msmd-id -1) -1)))

#(define (msmd-semitones event context)
   "Sounding pitch in semitones above middle c, or x."
   (let* ((drum (ly:event-property event 'drum-type #f))
          (table (and drum (ly:context-property context 'drumPitchTable #f)))
          (pitch (if drum
                     (and (hash-table? table) (hashq-ref table drum #f))
                     (ly:event-property event 'pitch #f)))
          (transposition (ly:context-property context 'instrumentTransposition #f)))
     (if (ly:pitch? pitch)
         (* 2 (+ (ly:pitch-tones pitch)
                 (if (ly:pitch? transposition) (ly:pitch-tones transposition) 0)))
         "x")))

#(define (msmd-staff context) (or (ly:context-find context 'Staff) context))

#(define (msmd-clock context)
   "A function of 'now or 'stop that tells the moment, or the end of a time step, of a Score context; 'look
tells the moment at any time. It leaves out what skipTypesetting has left out so far, as print and MIDI do."
   (let ((skipped ZERO-MOMENT) (skipping-since #f))
     (lambda (what)
       (let ((now (ly:context-current-moment context)))
         (cond
          ((eq? what 'look) (if skipping-since (set! now skipping-since)))
          ((eq? what 'stop)
           (if (and (not skipping-since) (eq? #t (ly:context-property context 'skipTypesetting #f)))
               (set! skipping-since now)))
          (skipping-since
           (set! skipped (ly:moment-add skipped (ly:moment-sub now skipping-since)))
           (set! skipping-since #f)))
         (ly:moment-sub now skipped)))))

#(define (msmd-head-engraver context)
   (let* ((clock (msmd-clock context)) (bars (msmd-bar-watch context clock)) (some-id -1))
     (make-engraver
      ((process-music engraver) (clock 'now))
      ((stop-translation-timestep engraver) (clock 'stop) (bars))
      ((finalize engraver) (msmd-record "sheet" (msmd-sheet context) some-id))
      (acknowledgers
       ((note-head-interface engraver grob source)
        (let* ((event (ly:grob-property grob 'cause #f))
               (voice (ly:translator-context source))
               (staff (msmd-staff voice))
               (now (clock 'now))
               (event? (ly:stream-event? event))
               (id (if event? (msmd-event-id event) -1)))
          (if (>= id 0) (set! some-id id))
          (hashq-set! msmd-heads grob msmd-head-count)
          (msmd-record "head" msmd-head-count id
                       (ly:moment-main now) (ly:moment-grace now)
                       (if event? (ly:moment-main (ly:event-length event)) 0)
                       (if event? (msmd-semitones event voice) "x")
                       (msmd-staff-number staff) (ly:context-id staff)
                       (ly:context-name voice) (grob::name grob))
          (set! msmd-head-count (1+ msmd-head-count))))))))

%%% Pages: walk each page's stencil and note where heads and staff lines are %%%

#(define (msmd-box kind id grob x y system)
   (let* ((stencil (ly:grob-property grob 'stencil))
          (xs (and (ly:stencil? stencil) (ly:stencil-extent stencil 0)))
          (ys (and (ly:stencil? stencil) (ly:stencil-extent stencil 1))))
     (if (and xs (< (car xs) (cdr xs)) (< (car ys) (cdr ys)))
         (msmd-record kind id (+ x (car xs)) (+ y (car ys)) (+ x (cdr xs)) (+ y (cdr ys)) system
                      (let ((symbol (and (string=? kind "draw") (ly:grob-object grob 'staff-symbol #f))))
                        (if (ly:grob? symbol) (msmd-symbol-number symbol) -1))))))

#(define (msmd-head-number grob)
   "The number of a head; one that no engraver announced (an ambitus) gets one now."
   (or (hashq-ref msmd-heads grob)
       (let ((n msmd-head-count))
         (hashq-set! msmd-heads grob n)
         (set! msmd-head-count (1+ n))
         (msmd-record "head" n -1 0 0 0 "x" -1 "" "" (grob::name grob))
         n)))

#(define (msmd-walk expr x y systems)
   (if (pair? expr)
       (case (car expr)
         ((translate-stencil)
          (msmd-walk (caddr expr) (+ x (caadr expr)) (+ y (cdadr expr)) systems))
         ((combine-stencil)
          (for-each (lambda (e) (msmd-walk e x y systems)) (cdr expr)))
         ((grob-cause)
          (let* ((grob (cadr expr))
                 (interfaces (if (ly:grob? grob) (ly:grob-interfaces grob) '()))
                 (system (lambda ()
                           (let ((s (ly:grob-system grob)))
                             (if (memq s systems) (msmd-system-number s) -1)))))
            (cond
             ((memq 'note-head-interface interfaces)
              (if (not (eq? #t (ly:grob-property grob 'transparent #f)))
                  (msmd-box "draw" (msmd-head-number grob) grob x y (system))))
             ((memq 'staff-symbol-interface interfaces)
              (msmd-place-system! grob x)
              (msmd-box "staff" (msmd-symbol-number grob) grob x y (system)))
             ((memq 'bar-line-interface interfaces)
              (msmd-place-bar-line! grob x))
             (else (msmd-walk (caddr expr) x y systems)))))
         ((color output-attributes url-link with-outline)
          (msmd-walk (car (last-pair expr)) x y systems))
         ((delay-stencil-evaluation)
          (msmd-walk (force (cadr expr)) x y systems)))))

#(define (msmd-pages layout pages)
   (for-each
    (lambda (page)
      (let ((systems (filter-map (lambda (line) (ly:prob-property line 'system-grob #f))
                                 (ly:prob-property page 'lines '()))))
        (msmd-record "page" (1- msmd-books)
                     (ly:output-def-lookup layout 'paper-width)
                     (ly:output-def-lookup layout 'paper-height)
                     (ly:output-def-lookup layout 'output-scale))
        (msmd-walk (ly:stencil-expr (ly:prob-property page 'stencil)) 0 0 systems)
        (for-each msmd-record-system systems)))
    pages))

\paper { page-post-process = #msmd-pages }
\layout { \context { \Score \consists #msmd-head-engraver } }

#(define (msmd-modified def changes)
   "A copy of an output definition. For each of its contexts, changes is given the type of its group and
its translators, and gives what is to be done to it, such as ((consists translator))."
   (let ((copy (ly:output-def-clone def)))
     (for-each
      (lambda (entry)
        (let ((todo (changes (assq-ref (cdr entry) 'group-type) (assq-ref (cdr entry) 'consists)))
              (mods (ly:make-context-mod)))
          (for-each (lambda (change) (ly:add-context-mod mods change)) todo)
          (if (pair? todo)
              (ly:output-def-set-variable!
               copy (car entry)
               (ly:context-def-modify (ly:output-def-lookup copy (car entry)) mods)))))
      (ly:output-description def))
     copy))

#(define (msmd-watched layout)
   "A layout in which the heads of every kind of score are written down: contexts of other names, too."
   (msmd-modified layout
                  (lambda (group translators)
                    (cond
                     ((eq? group 'Score_engraver)
                      (if (memq msmd-head-engraver translators)
                          '()
                          (list (list 'consists msmd-head-engraver))))
                     ((and (memq 'Timing_translator translators)
                           (not (memq msmd-bar-engraver translators)))
                      (list (list 'consists msmd-bar-engraver)))
                     (else '())))))
