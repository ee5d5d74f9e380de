%% Read by LilyPond with record.ily: a score's music so many semitones higher, engraved in a key that is
%% easy to read.
%%
%% An interval of s semitones is f fifths up, less whole octaves, for each f with 7 f = s modulo 12: C to
%% C sharp is 7, C to D flat is -5. The one is taken that leaves the score's keys with the fewest accidentals.

\version "2.24.0"

%% Kept under a name of ours, as many sources have a variable "round".
#(define msmd-round round)

#(define msmd-transposition (string->number (or (getenv "MSMD_TRANSPOSE") "0")))

#(define (msmd-key-fifths music)
   "Sharps (flats are negative) of every key signature in music."
   (let ((element (ly:music-property music 'element))
         (inner (append-map msmd-key-fifths (ly:music-property music 'elements '())))
         (own (if (eq? (ly:music-property music 'name) 'KeyChangeEvent)
                  (list (* 2 (apply + (map cdr (ly:music-property music 'pitch-alist '())))))
                  '())))
     (append own inner (if (ly:music? element) (msmd-key-fifths element) '()))))

#(define (msmd-best-fifths keys semitones)
   "The fifths of an interval that leave the fewest accidentals in the worst of these keys."
   (let ((residue (modulo (* 7 semitones) 12))
         (worst (lambda (fifths) (apply max (map (lambda (key) (abs (+ key fifths))) keys)))))
     (fold (lambda (one best) (if (< (worst one) (worst best)) one best))
           residue (list (- residue 12) (+ residue 12) (- residue 24)))))

#(define (msmd-interval fifths semitones)
   "Where middle c goes: the pitch that lies so many fifths, less octaves, and so many semitones above it."
   (let* ((step (modulo (* 4 fifths) 7))
          (natural (list-ref '(0 2 4 5 7 9 11) step))
          (octave (msmd-round (/ (- semitones natural) 12))))
     (ly:make-pitch octave step (/ (- semitones natural (* 12 octave)) 2))))

#(define (msmd-transpose! music)
   "Transpose music in place, as the build asks."
   (if (not (zero? msmd-transposition))
       (let* ((found (msmd-key-fifths music))
              (keys (if (null? found) '(0) found))
              (fifths (msmd-best-fifths keys msmd-transposition)))
         (ly:music-transpose music (msmd-interval fifths msmd-transposition)))))
