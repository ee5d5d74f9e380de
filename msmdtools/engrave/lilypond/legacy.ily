%% What old sources call and LilyPond no longer has, or has with other arguments (-dinclude-settings).
%% convert-ly brings syntax up to date; most of these are Scheme, which it leaves alone.

\version "2.24.0"

%% For what some engines still have.
#(define (legacy-define! name value)
   (if (not (module-variable (current-module) name))
       (module-define! (current-module) name value)))

%% Beaming rules before 2.13.4: beams look different, nothing else does.
#(define (override-auto-beam-setting . rest) (make-music 'SequentialMusic 'void #t))
#(define (revert-auto-beam-setting . rest) (make-music 'SequentialMusic 'void #t))
#(legacy-define! 'default-auto-beam-settings '())

%% Before 2.23 it took the music alone.
#(define unfold-repeats
   (let ((with-types (@ (lily) unfold-repeats)))
     (lambda args
       (if (null? (cdr args))
           (with-types '() (car args))
           (apply with-types args)))))

%% The option old-relative, until 2.17.15: after << >>, \relative went on from the end of the last branch.
#(define (old-relative)
   (for-each
    (lambda (name)
      (let ((properties (hashq-ref music-name-to-property-table name)))
        (hashq-set! music-name-to-property-table name
                    (assq-set! (alist-copy properties) 'to-relative-callback
                               (lambda (music pitch)
                                 (fold ly:make-music-relative! pitch
                                       (ly:music-property music 'elements)))))))
    '(SimultaneousMusic)))

%% Types of music: MarkEvent was all marks until 2.21; an articulation's type could be text until 2.23.
#(define make-music
   (let ((make (@ (lily) make-music)))
     (lambda (name . properties)
       (let ((value (lambda (property) (and=> (memq property properties) cadr))))
         (cond
          ((and (eq? name 'MarkEvent) (markup? (value 'label)))
           (apply make 'AdHocMarkEvent 'text (value 'label) (delq 'label (delq (value 'label) properties))))
          ((eq? name 'MarkEvent)
           (apply make 'RehearsalMarkEvent properties))
          ((and (eq? name 'ArticulationEvent) (string? (value 'articulation-type)))
           (apply make name (append properties
                                    (list 'articulation-type
                                          (string->symbol (value 'articulation-type))))))
          (else (apply make name properties)))))))

%% Until 2.23 the fermata of a full-bar rest was another command.
fermataMarkup = \fermata

%% Conditions of \on-the-fly until 2.23, which headers and footers use.
#(define ((legacy-page-when condition) layout props arg)
   (if (condition (chain-assoc-get 'page:page-number props -1)
                  (chain-assoc-get 'page:is-bookpart-last-page props #f)
                  (chain-assoc-get 'page:is-last-bookpart props #f)
                  (ly:output-def-lookup layout 'first-page-number)
                  (ly:output-def-lookup layout 'bookpart-first-page-number -1))
       (interpret-markup layout props arg)
       empty-stencil))
#(for-each
  (lambda (name condition) (legacy-define! name (legacy-page-when condition)))
  '(first-page not-first-page part-first-page not-part-first-page last-page not-last-page
    part-last-page print-page-number-check-first print-positive-page-number)
  (list (lambda (page end? last? book part) (= page book))
        (lambda (page end? last? book part) (not (= page book)))
        (lambda (page end? last? book part) (= page part))
        (lambda (page end? last? book part) (not (= page part)))
        (lambda (page end? last? book part) (and end? last?))
        (lambda (page end? last? book part) (not (and end? last?)))
        (lambda (page end? last? book part) end?)
        (lambda (page end? last? book part) (not (= page book)))
        (lambda (page end? last? book part) (positive? page))))

%% Choice of fonts until 2.25.4: text keeps the usual ones.
#(legacy-define! 'make-pango-font-tree (lambda fonts '()))

%% Computed places of layout objects until 2.21: they keep the usual ones.
#(legacy-define! 'ly:make-simple-closure (lambda expression 0))

%% Before 2.19 they took the parser, too.
#(define collect-music-for-book
   (let ((collect (@ (lily) collect-music-for-book)))
     (lambda arguments (collect (car (reverse arguments))))))
#(define collect-scores-for-book
   (let ((collect (@ (lily) collect-scores-for-book)))
     (lambda arguments (collect (car (reverse arguments))))))

%% Until 2.19 functions took the parser, and sources had it as a variable.
#(legacy-define! 'parser #f)
#(define ly:parser-lookup
   (let ((look-up (@ (lily) ly:parser-lookup)))
     (lambda arguments (look-up (car (last-pair arguments))))))
#(define ly:parser-define!
   (let ((store! (@ (lily) ly:parser-define!)))
     (lambda arguments (apply store! (take-right arguments 2)))))

%% A condition of \on-the-fly in sources that bring their own page numbers.
#(legacy-define! 'book-last-page?
   (lambda (layout props)
     (and (chain-assoc-get 'page:is-bookpart-last-page props #f)
          (chain-assoc-get 'page:is-last-bookpart props #f))))
#(legacy-define! 'create-page-number-stencil interpret-markup)

%% Their names until 2.21.
partcombineApart = \partCombineApart
partcombineAutomatic = \partCombineAutomatic
partcombineChords = \partCombineChords
partcombineUnisono = \partCombineUnisono
partcombineSoloI = \partCombineSoloI
partcombineSoloII = \partCombineSoloII
partcombineApartOnce = \once \partCombineApart
partcombineAutomaticOnce = \once \partCombineAutomatic
partcombineChordsOnce = \once \partCombineChords
partcombineUnisonoOnce = \once \partCombineUnisono
partcombineSoloIOnce = \once \partCombineSoloI
partcombineSoloIIOnce = \once \partCombineSoloII
