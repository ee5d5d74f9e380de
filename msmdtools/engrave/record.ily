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
%%   start  p main grace                           the p-th performance begins at this moment
%%   play   p id main grace length pitch voice voice-type staff staff-name drum tie wait  a note is performed
%%   tie    p main grace voice                     all notes of the voice at this moment are tied onwards
%%   midi   p                                      msmd-p.midi has been written
%%
%% A source's variables take the place of Scheme's of the same name. Beware of first, second, X, Y below.

\version "2.24.0"

#(define msmd-port (open-file "records.tsv" "w"))
#(set-port-encoding! msmd-port "UTF-8")

#(define (msmd-record . fields)
   (display (car fields) msmd-port)
   (for-each (lambda (field) (display "\t" msmd-port) (display field msmd-port)) (cdr fields))
   (newline msmd-port))

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

#(define (msmd-number! music repeat count tremolo)
   (let ((name (ly:music-property music 'name))
         (element (ly:music-property music 'element)))
     (if (eq? name 'NoteEvent)
         (let ((origin (ly:music-property music 'origin #f)))
           (ly:music-set-property! music 'msmd-id msmd-notes)
           (apply msmd-record "note" msmd-notes msmd-scores repeat count tremolo
                  (if (ly:input-location? origin)
                      (let ((place (ly:input-file-line-char-column origin)))
                        (list (basename (car place)) (cadr place) (caddr place)))
                      '("" 0 0)))
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

#(define (msmd-forget-lengths! music)
   "Drop the lengths that LilyPond has computed in advance: unfolding makes music longer."
   ;; \lyricsto's length is infinite from the start: nothing computes it again.
   (music-map (lambda (m)
                (if (not (music-is-of-type? m 'lyric-combine-music))
                    (ly:music-set-property! m 'length '()))
                m)
              music))

%% One kind of repeat at a time: with several, unfold-repeats takes time exponential in the music's depth.
#(define (msmd-performed music)
   (msmd-expand-unfolded
    (fold unfold-repeats
          (msmd-forget-lengths! (ly:music-deep-copy music))
          (if msmd-unfolded? '(volta segno percent tremolo) '(percent tremolo)))))

#(define (msmd-kind def) (ly:output-def-lookup def 'output-def-kind))
#(define (msmd-layouts score) (filter (lambda (d) (eq? (msmd-kind d) 'layout)) (ly:score-output-defs score)))
#(define (msmd-midis score) (filter (lambda (d) (eq? (msmd-kind d) 'midi)) (ly:score-output-defs score)))

%% Performed scores that have no \midi of their own yet: a later score that has only \midi lends its tempo.
#(define msmd-without-midi '())

#(define (msmd-add-score! add score)
   (let* ((layouts (msmd-layouts score)) (midis (msmd-midis score)))
     (if (and (null? layouts) (pair? midis))
         (begin
           (for-each (lambda (s) (ly:score-add-output-def! s (car midis))) msmd-without-midi)
           (set! msmd-without-midi '()))
         (let* ((again? (msmd-numbered? (ly:score-music score)))
                (music (if again? (ly:music-deep-copy (ly:score-music score)) (ly:score-music score)))
                (music (if msmd-unfolded? (msmd-expand-unfolded music) music))
                (engraved (ly:make-score music)))
           (msmd-record "score" msmd-scores)
           (if (not again?) (msmd-transpose! music))
           (msmd-number! music "" 1 -1)
           (set! msmd-scores (1+ msmd-scores))
           (for-each (lambda (d) (ly:score-add-output-def! engraved d)) layouts)
           (if (module? (ly:score-header score)) (ly:score-set-header! engraved (ly:score-header score)))
           (if (null? layouts)
               (ly:score-add-output-def! engraved (ly:output-def-clone $defaultlayout)))
           (add engraved)
           (let ((performed (ly:make-score (msmd-performed music))))
             (if (pair? midis)
                 (ly:score-add-output-def! performed (car midis))
                 (set! msmd-without-midi (cons performed msmd-without-midi)))
             (add performed))))))

%% A score whose music has errors has none; LilyPond leaves it out by itself.
#(define (msmd-add! add item)
   (if (and (ly:score? item) (ly:music? (ly:score-music item)))
       (msmd-add-score! add item)
       (add item)))

#(define msmd-collect-music (@@ (lily) collect-music-aux))

toplevel-score-handler = #(lambda (score) (msmd-add! collect-scores-for-book score))
toplevel-music-handler =
#(lambda (music) (msmd-collect-music (lambda (s) (msmd-add! collect-scores-for-book s)) music))
book-score-handler =
#(lambda (book score) (msmd-add! (lambda (s) (ly:book-add-score! book s)) score))
book-music-handler =
#(lambda (book music)
   (msmd-collect-music (lambda (s) (msmd-add! (lambda (s) (ly:book-add-score! book s)) s)) music))
bookpart-score-handler = \book-score-handler
bookpart-music-handler = \book-music-handler

#(define msmd-books 0)
toplevel-book-handler =
#(lambda (book)
   (for-each (lambda (s) (ly:score-add-output-def! s (ly:output-def-clone $defaultmidi)))
             msmd-without-midi)
   (set! msmd-without-midi '())
   (set! msmd-books (1+ msmd-books))
   (ly:book-process book $defaultpaper $defaultlayout (format #f "book-~a" msmd-books))
   (force-output msmd-port))

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

#(define (msmd-head-engraver context)
   (make-engraver
    (acknowledgers
     ((note-head-interface engraver grob source)
      (let* ((event (ly:grob-property grob 'cause #f))
             (voice (ly:translator-context source))
             (staff (msmd-staff voice))
             (now (ly:context-current-moment voice))
             (event? (ly:stream-event? event)))
        (hashq-set! msmd-heads grob msmd-head-count)
        (msmd-record "head" msmd-head-count
                     (if event? (msmd-event-id event) -1)
                     (ly:moment-main now) (ly:moment-grace now)
                     (if event? (ly:moment-main (ly:event-length event)) 0)
                     (if event? (msmd-semitones event voice) "x")
                     (msmd-staff-number staff) (ly:context-id staff)
                     (ly:context-name voice) (grob::name grob))
        (set! msmd-head-count (1+ msmd-head-count)))))))

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
              (msmd-box "staff" (msmd-symbol-number grob) grob x y (system)))
             (else (msmd-walk (caddr expr) x y systems)))))
         ((color output-attributes url-link with-outline)
          (msmd-walk (last expr) x y systems))
         ((delay-stencil-evaluation)
          (msmd-walk (force (cadr expr)) x y systems)))))

#(define (msmd-pages layout pages)
   (for-each
    (lambda (page)
      (msmd-record "page" (1- msmd-books)
                   (ly:output-def-lookup layout 'paper-width)
                   (ly:output-def-lookup layout 'paper-height)
                   (ly:output-def-lookup layout 'output-scale))
      (msmd-walk (ly:stencil-expr (ly:prob-property page 'stencil)) 0 0
                 (filter-map (lambda (line) (ly:prob-property line 'system-grob #f))
                             (ly:prob-property page 'lines '()))))
    pages))

\paper { page-post-process = #msmd-pages }
\layout { \context { \Score \consists #msmd-head-engraver } }

%%% Performed notes %%%

#(define msmd-performances 0)

#(define (msmd-score-performer context)
   (make-performer
    ((initialize performer)
     (let ((now (ly:context-current-moment context)))
       (msmd-record "start" msmd-performances (ly:moment-main now) (ly:moment-grace now))
       (set! msmd-performances (1+ msmd-performances))))))

#(define (msmd-tie? event) (memq 'tie-event (ly:event-property event 'class '())))

#(define (msmd-note-performer context)
   (let ((voice (msmd-voice-number context)))
     (make-performer
      (listeners
       ((note-event performer event)
        (let ((now (ly:context-current-moment context)) (staff (msmd-staff context)))
          (msmd-record "play" (1- msmd-performances) (msmd-event-id event)
                       (ly:moment-main now) (ly:moment-grace now)
                       (ly:moment-main (ly:event-length event))
                       (msmd-semitones event context)
                       voice (ly:context-name context) (msmd-staff-number staff) (ly:context-id staff)
                       (if (ly:event-property event 'drum-type #f) 1 0)
                       (if (any msmd-tie? (ly:event-property event 'articulations '())) 1 0)
                       (if (eq? #t (ly:context-property context 'tieWaitForNote #f)) 1 0))))
       ((tie-event performer event)
        (let ((now (ly:context-current-moment context)))
          (msmd-record "tie" (1- msmd-performances)
                       (ly:moment-main now) (ly:moment-grace now) voice)))))))

%% Keys of more than seven sharps or flats make MIDI files that are not valid; nobody needs keys there.
\midi {
  \context { \Staff \remove Key_performer }
  \context { \DrumStaff \remove Key_performer }
  \context { \TabStaff \remove Key_performer }
  \context { \MensuralStaff \remove Key_performer }
  \context { \PetrucciStaff \remove Key_performer }
  \context { \VaticanaStaff \remove Key_performer }
  \context { \KievanStaff \remove Key_performer }
  \context { \GregorianTranscriptionStaff \remove Key_performer }
  \context { \Score \consists #msmd-score-performer }
  \context { \Voice \consists #msmd-note-performer }
  \context { \CueVoice \consists #msmd-note-performer }
  \context { \DrumVoice \consists #msmd-note-performer }
  \context { \TabVoice \consists #msmd-note-performer }
  \context { \VaticanaVoice \consists #msmd-note-performer }
  \context { \KievanVoice \consists #msmd-note-performer }
  \context { \MensuralVoice \consists #msmd-note-performer }
  \context { \PetrucciVoice \consists #msmd-note-performer }
  \context { \GregorianTranscriptionVoice \consists #msmd-note-performer }
  \context { \ChordNames \consists #msmd-note-performer }
}

#(set! write-performances-midis
   (let ((written 0))
     (lambda (performances . rest)
       (for-each (lambda (performance)
                   (ly:performance-write performance (format #f "msmd-~a.midi" written) "")
                   (msmd-record "midi" written)
                   (set! written (1+ written)))
                 performances))))
