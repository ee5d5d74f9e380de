%% Read by LilyPond after perform.ily: marks in the music that is performed where its repeats begin and end, so
%% that the performance, which runs once through the page, can be put together as a musician plays it.
%%
%% A mark is music without length that is put around a repeat, or into music for certain times only (an
%% ending). It writes down the moment at which it is reached, in the staff that it is written for.
%%
%% Records:
%%   repeat id p parent count last file line column   music of the p-th performance played count times (\repeat
%%                                                    volta or segno), the repeat around it or -1, and whether
%%                                                    no more music follows it
%%   volta  id repeat times                           a part of a repeat for these times only, such as 1,2
%%   mark   id begin|end main grace staff             one of both begins or ends, in a staff or in none, -1

\version "2.24.0"

#(define msmd-marks 0)

%% Staves have their numbers from their notes: a mark waits until its staff has one.
#(define msmd-reached '())
#(define (msmd-record-marks!)
   (for-each (lambda (mark)
               (apply msmd-record "mark"
                      (append (cdr mark) (list (if (car mark) (msmd-staff-number (car mark)) -1)))))
             (reverse msmd-reached))
   (set! msmd-reached '()))

#(define (msmd-mark id side)
   (make-music
    'ApplyContext
    'msmd-id id
    'procedure
    (lambda (context)
      (if (not (ly:context-find context 'Lyrics))
          (let ((now (if msmd-performance-clock
                         (msmd-performance-clock 'look)
                         (ly:context-current-moment context)))
                (staff (ly:context-find context 'Staff)))
            (set! msmd-reached
                  (cons (list (and (ly:context? staff) staff)
                              id side (ly:moment-main now) (ly:moment-grace now))
                        msmd-reached)))))))

#(define (msmd-marked id music)
   (make-sequential-music (list (msmd-mark id "begin") music (msmd-mark id "end"))))

#(define (msmd-silent? music) (equal? 0 (ly:moment-main (ly:music-length music))))

#(define (msmd-mark-elements! music number repeat last?)
   "Put marks into what is in music, one after the other or together."
   (let ((in-turn? (music-is-of-type? music 'sequential-music)))
     (let mark ((elements (ly:music-property music 'elements)) (marked '()))
       (if (null? elements)
           (ly:music-set-property! music 'elements (reverse marked))
           (let* ((later (cdr elements))
                  (last? (if in-turn? (lambda () (and (every msmd-silent? later) (last?))) last?)))
             (mark later (cons (msmd-mark-repeats (car elements) number repeat last?) marked)))))))

#(define (msmd-mark-repeats music number repeat last?)
   "The music of score number with marks. The innermost repeat around it has the number repeat (-1 for none);
last? is a function that tells whether no more music follows it."
   (let* ((repeated? (music-is-of-type? music 'folded-repeated-music))
          (limited? (and (>= repeat 0) (music-is-of-type? music 'volta-specification)))
          (id msmd-marks)
          (inner (if repeated? id repeat))
          (element (ly:music-property music 'element)))
     (if (or repeated? limited?) (set! msmd-marks (1+ msmd-marks)))
     (if repeated?
         (apply msmd-record "repeat" id number repeat (ly:music-property music 'repeat-count 1)
                (if (last?) 1 0) (msmd-place music)))
     (if limited?
         (let ((times (ly:music-property music 'volta-numbers '())))
           (msmd-record "volta" id repeat (string-join (map number->string times) ","))))
     (if (not (music-is-of-type? music 'lyric-combine-music))
         (let ((last? (if repeated? (const #f) last?)))
           (if (pair? (ly:music-property music 'elements))
               (msmd-mark-elements! music number inner last?))
           (if (ly:music? element)
               (let ((marked (msmd-mark-repeats element number inner last?)))
                 (ly:music-set-property! music 'element (if limited? (msmd-marked id marked) marked))))))
     (if repeated? (msmd-marked id music) music)))

#(define (msmd-mark-score number music)
   "The music that is performed as score number, with marks where repeats are to be unfolded."
   (if msmd-unfolded? (msmd-mark-repeats music number -1 (const #t)) music))
