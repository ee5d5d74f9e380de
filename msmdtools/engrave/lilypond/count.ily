%% Read by LilyPond before a source (-dinclude-settings): counts the notes in the music of its scores and adds up
%% their lengths, in count.tsv (notes, whole notes), and engraves nothing.

\version "2.24.0"

#(define msmd-notes 0)
#(define msmd-length 0)

#(define (msmd-count! music)
   (let ((element (ly:music-property music 'element)))
     (if (eq? (ly:music-property music 'name) 'NoteEvent) (set! msmd-notes (1+ msmd-notes)))
     (for-each msmd-count! (ly:music-property music 'elements '()))
     (if (ly:music? element) (msmd-count! element))))

#(define (msmd-count-book! book)
   (for-each
    (lambda (score)
      (if (ly:score? score)
          (let* ((music (ly:score-music score))
                 (length (ly:moment-main (ly:music-length music))))
            (msmd-count! music)
            (if (exact? length) (set! msmd-length (+ msmd-length length))))))
    (ly:book-scores book))
   (for-each msmd-count-book! (ly:book-book-parts book)))

toplevel-book-handler =
#(lambda (book)
   (msmd-count-book! book)
   (call-with-output-file "count.tsv"
     (lambda (port) (format port "~a\t~a\n" msmd-notes msmd-length))))
