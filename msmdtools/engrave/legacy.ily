%% What old sources call and LilyPond no longer has, or has with other arguments (-dinclude-settings).
%% convert-ly brings syntax up to date; these are functions of Scheme, which it leaves alone.

\version "2.24.0"

%% Beaming rules before 2.13.4: beams look different, nothing else does.
#(define (override-auto-beam-setting . rest) (make-music 'SequentialMusic 'void #t))
#(define (revert-auto-beam-setting . rest) (make-music 'SequentialMusic 'void #t))

%% Before 2.23 it took the music alone.
#(define unfold-repeats
   (let ((with-types (@ (lily) unfold-repeats)))
     (lambda args
       (if (null? (cdr args))
           (with-types '() (car args))
           (apply with-types args)))))
