%% Read by LilyPond before a source (-dinclude-settings): it writes LilyPond's own MIDI file of every score that it
%% would print, and prints nothing. The music is left as it is; a score without \midi gets LilyPond's own.
%% Percent repeats and tremolos, which LilyPond plays as they are printed, are written out by \unfoldRepeats.

\version "2.24.0"

#(define reference-count 0)

#(define (reference-music music)
   (if (null? (extract-named-music music '(PercentRepeatedMusic TremoloRepeatedMusic)))
       music
       (fold unfold-repeats
             (music-map
              (lambda (m)
                (if (not (music-is-of-type? m 'lyric-combine-music))
                    (ly:music-set-property! m 'length '()))
                m)
              (ly:music-deep-copy music))
             '(percent tremolo))))

#(define (reference-score score)
   "The score with \\midi alone, or #f where it is only text, or not printed."
   (let ((kind (lambda (kind)
                 (filter (lambda (d) (eq? kind (ly:output-def-lookup d 'output-def-kind)))
                         (ly:score-output-defs score)))))
     (and (ly:music? (ly:score-music score))
          (or (null? (kind 'midi)) (pair? (kind 'layout)))
          (let ((performed (ly:make-score (reference-music (ly:score-music score)))))
            (ly:score-add-output-def!
             performed
             (if (pair? (kind 'midi)) (car (kind 'midi)) (ly:output-def-clone $defaultmidi)))
            performed))))

#(define (reference-add! add item)
   (if (ly:score? item)
       (let ((performed (reference-score item)))
         (if performed (add performed)))))

#(define reference-collect (@@ (lily) collect-music-aux))

toplevel-score-handler = #(lambda (score) (reference-add! collect-scores-for-book score))
toplevel-music-handler =
#(lambda (music)
   (reference-collect (lambda (s) (reference-add! collect-scores-for-book s)) music))
toplevel-text-handler = #(lambda (text) #f)
book-score-handler =
#(lambda (book score) (reference-add! (lambda (s) (ly:book-add-score! book s)) score))
book-music-handler =
#(lambda (book music)
   (reference-collect (lambda (s) (reference-add! (lambda (s) (ly:book-add-score! book s)) s))
                      music))
book-text-handler = #(lambda (book text) #f)
bookpart-score-handler = \book-score-handler
bookpart-music-handler = \book-music-handler
bookpart-text-handler = \book-text-handler

#(set! write-performances-midis
   (lambda (performances . rest)
     (for-each (lambda (performance)
                 (ly:performance-write
                  performance
                  (format #f "~a+~a.midi" (ly:parser-output-name) reference-count) "")
                 (set! reference-count (1+ reference-count)))
               performances)))
