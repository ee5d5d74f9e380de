%% Read by LilyPond after perform.ily: which \midi block a score is performed with. A score that has only
%% \midi is not printed, and lends its tempo and its instruments to the printed score whose music it has.

\version "2.24.0"

%% In the file's order. A printed score: (number music midi order), midi being #f when it has none of its own.
%% A lender: (music midi order).
#(define msmd-order 0)
#(define msmd-new '())
#(define msmd-borrowers '())
#(define msmd-lenders '())
#(define msmd-lent (make-hash-table))

#(define (msmd-ordered! . fields)
   (set! msmd-order (1+ msmd-order))
   (append fields (list msmd-order)))

#(define (msmd-to-perform! number music midis)
   (let ((score (msmd-ordered! number (msmd-mark-score number (msmd-performed music))
                                (and (pair? midis) (car midis)))))
     (set! msmd-new (append msmd-new (list score)))
     (if (null? midis) (set! msmd-borrowers (append msmd-borrowers (list score))))))

#(define (msmd-to-lend! music midi)
   (set! msmd-lenders (append msmd-lenders (list (msmd-ordered! music midi)))))

%%% Whose tempo %%%

#(define (msmd-places music)
   "Where in the source the notes of some music stand: a table of places."
   (let ((table (make-hash-table)))
     (for-each (lambda (note)
                 (let ((origin (ly:music-property note 'origin #f)))
                   (if (ly:input-location? origin)
                       (hash-set! table (ly:input-file-line-char-column origin) #t))))
               (extract-named-music music 'NoteEvent))
     table))

#(define (msmd-shared-places a b)
   (hash-fold (lambda (place _ count) (if (hash-ref b place) (1+ count) count)) 0 a))

#(define (msmd-most-shared music others)
   "Of lists that begin with music, the one that has most notes of music; #f if none has any."
   (let ((places (msmd-places music)))
     (car
      (fold (lambda (other best)
              (let ((shared (msmd-shared-places places (msmd-places (car other)))))
                (if (> shared (cdr best)) (cons other shared) best)))
            '(#f . 0) others))))

#(define (msmd-choose-lender! borrowers lenders)
   "A list of (borrower . lender). Where none has the same music: one after the other if there are as many
of both, else the next one in the file, else the last."
   (let* ((known (map (lambda (b) (cons b (msmd-most-shared (cadr b) lenders))) borrowers))
          (others (filter-map (lambda (pair) (and (not (cdr pair)) (car pair))) known))
          (free (remove (lambda (l) (memq l (map cdr known))) lenders)))
     (append
      (filter cdr known)
      (cond
       ((null? free) '())
       ((= (length free) (length others)) (map cons others free))
       (else
        (map (lambda (b)
               (cons b (or (find (lambda (l) (> (caddr l) (cadddr b))) free) (car (last-pair free)))))
             others))))))

%%% What tempo %%%

#(define (msmd-sets-tempo? music)
   (pair? (filter (lambda (m) (eq? 'tempoWholesPerMinute (ly:music-property m 'symbol)))
                  (extract-named-music music 'PropertySet))))

#(define (msmd-tempo-changes music midi)
   "The tempo changes that stand in music, in order: (moment . tempo)."
   (let* ((changes '())
          (listener
           (lambda (context)
             (let ((now (lambda () (ly:context-property context 'tempoWholesPerMinute)))
                   (before #f))
               (make-performer
                ((initialize performer) (set! before (now)))
                ((process-music performer)
                 (if (not (equal? before (now)))
                     (begin
                       (set! before (now))
                       (set! changes (cons (cons (ly:context-current-moment context) before)
                                           changes))))))))))
     (catch #t
       (lambda ()
         (ly:run-translator
          music
          (msmd-modified midi (lambda (group translators)
                                (if (eq? group 'Score_performer)
                                    (list (list 'consists listener))
                                    '())))))
       (lambda (key . arguments) #f))
     (reverse changes)))

#(define (msmd-tempo-music changes)
   "Music that changes the tempo and does nothing else."
   (make-sequential-music
    (append
     (append-map
      (lambda (change next)
        (let ((length (and next (- (ly:moment-main (car next)) (max 0 (ly:moment-main (car change)))))))
          (cons (context-spec-music (make-property-set 'tempoWholesPerMinute (cdr change)) 'Score)
                (if (and length (positive? length))
                    (list (make-music 'SkipMusic 'duration (ly:make-duration 0 0 length)))
                    '()))))
      changes (append (cdr changes) '(#f))))))

#(define (msmd-with-tempo music lender midi)
   "Music with the tempo changes that stand in a lender's: all where both are of one length, else the first."
   (let ((changes (if (and (msmd-sets-tempo? lender) (not (msmd-sets-tempo? music)))
                      (msmd-tempo-changes lender midi)
                      '())))
     (cond
      ((null? changes) music)
      ((equal? (ly:music-length lender) (ly:music-length music))
       (make-simultaneous-music (list (msmd-tempo-music changes) music)))
      ((positive? (ly:moment-main (caar changes))) music)
      (else (make-simultaneous-music (list (msmd-tempo-music (list (car changes))) music))))))

%%% What instruments %%%

#(define (msmd-program instrument)
   "The General MIDI program of an instrument's name, or #f."
   (and (string? instrument)
        (let ((name (string->symbol instrument)))
          (and (not (percussion? name)) (midi-program name)))))

#(define (msmd-lend-instruments! number music)
   "Write down with which programs a lender plays the notes that a score has, too, by their places."
   ;; A staff's program is the first element of a list that its voices share.
   (let walk ((m music) (staff (list #f)))
     (let ((name (ly:music-property m 'name)) (element (ly:music-property m 'element)))
       (case name
         ((PropertySet)
          (if (eq? 'midiInstrument (ly:music-property m 'symbol))
              (set-car! staff (msmd-program (ly:music-property m 'value)))))
         ((NoteEvent)
          (if (car staff)
              (apply msmd-record "lent" number (car staff) (msmd-place m))))
         (else
          (let ((own (if (and (eq? name 'ContextSpeccedMusic)
                              (not (eq? 'PropertySet (ly:music-property element 'name)))
                              (not (memq (ly:music-property m 'context-type)
                                         '(Voice CueVoice Bottom Timing Dynamics Lyrics))))
                         (list (car staff))
                         staff)))
            (for-each
             (lambda (change)
               (if (and (eq? 'assign (car change)) (eq? 'midiInstrument (cadr change)))
                   (set-car! own (msmd-program (caddr change)))))
             (ly:music-property m 'property-operations '()))
            (for-each (lambda (inner) (walk inner own)) (ly:music-property m 'elements '()))
            (if (ly:music? element) (walk element own))))))))

%%% Performing what a book has printed, and again what a later one lends to %%%

#(define (msmd-perform-all!)
   (let ((pairs (msmd-choose-lender! msmd-borrowers msmd-lenders)))
     (for-each
      (lambda (score)
        (let ((lender (and=> (assq score pairs) cdr)))
          (if (or (memq score msmd-new)
                  (and lender (not (eq? lender (hashq-ref msmd-lent (car score))))))
              (if lender
                  (begin
                    (hashq-set! msmd-lent (car score) lender)
                    (msmd-lend-instruments! (car score) (car lender))
                    (msmd-perform! (car score)
                                   (msmd-with-tempo (cadr score) (car lender) (cadr lender))
                                   (cadr lender)))
                  (msmd-perform! (car score) (cadr score) (or (caddr score) $defaultmidi))))))
      (append msmd-new (remove (lambda (score) (memq score msmd-new)) msmd-borrowers)))
     (set! msmd-new '())))
