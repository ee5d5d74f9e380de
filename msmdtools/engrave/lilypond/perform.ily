%% Read by LilyPond after record.ily: each score is performed by itself, after its book is engraved, and
%% its notes are written down as LilyPond's performers receive them.

\version "2.24.0"

%%% The music that is performed %%%

#(define (msmd-forget-lengths! music)
   "Drop the lengths that LilyPond has computed in advance: unfolding makes music longer."
   ;; \lyricsto's length is infinite from the start: nothing computes it again.
   (music-map (lambda (m)
                (if (not (music-is-of-type? m 'lyric-combine-music))
                    (ly:music-set-property! m 'length '()))
                m)
              music))

#(define (msmd-first-length music)
   "Music that skips what showFirstLength leaves out: LilyPond gives it a false length instead."
   (let* ((parts (ly:music-property music 'elements '()))
          (skips (if (pair? parts) (ly:music-property (car parts) 'elements '()) '()))
          (shown (and (ly:music? (ly:parser-lookup 'showFirstLength)) (pair? skips)
                      (eq? 'SkippedMusic (ly:music-property (car skips) 'name))
                      (ly:music-length (car skips)))))
     (if shown
         (make-simultaneous-music
          (list
           (make-sequential-music
            (list (make-music 'SkipMusic 'duration (ly:make-duration 0 0 (ly:moment-main shown)))
                  (context-spec-music (make-property-set 'skipTypesetting #t) 'Score)))
           (cadr parts)))
         music)))

%% One kind of repeat at a time: with several, unfold-repeats takes time exponential in the music's depth.
#(define (msmd-performed music)
   (msmd-expand-unfolded
    (fold unfold-repeats
          (msmd-forget-lengths! (ly:music-deep-copy (msmd-first-length music)))
          '(percent tremolo))))

%%% Notes %%%

#(define msmd-performance #f)
#(define msmd-performance-clock #f)
#(define msmd-sounding-contexts (make-hash-table))
#(define msmd-staff-place (msmd-serial (make-hash-table)))
#(define msmd-named-staves (make-hash-table))

#(define (msmd-score-performer context)
   (let ((clock (msmd-clock context)))
     (set! msmd-performance-clock clock)
     (make-performer
      ((initialize performer)
       (let ((now (ly:context-current-moment context)))
         (msmd-record "start" msmd-performance (ly:moment-main now) (ly:moment-grace now))))
      ((process-music performer) (clock 'now))
      ((stop-translation-timestep performer) (clock 'stop)))))

%% Stands wherever a Staff_performer does: notes sound only inside of one. Staves are made from top to bottom.
#(define (msmd-staff-performer context)
   (make-performer
    ((initialize performer)
     (msmd-staff-place (msmd-staff context))
     (hashq-set! msmd-sounding-contexts context #t))))

%% A staff without a name of its own has that of the group around it: a property is looked up there. In MIDI,
%% LilyPond gives the score as a whole a name.
#(define (msmd-plain-name staff property)
   "A staff's name as one line of text; empty where there is none, or it cannot be told."
   (catch #t
     (lambda ()
       (let ((name (ly:context-property staff property ""))
             (owner (ly:context-property-where-defined staff property)))
         (if (and (markup? name) (ly:context? owner) (ly:context-parent (ly:context-parent owner)))
             (string-join (string-tokenize (markup->string name) char-set:graphic) " ")
             "")))
     (lambda (key . arguments) "")))

#(define (msmd-name-part! staff)
   "Write down a staff's names, once, when it first sounds."
   (if (not (hashq-ref msmd-named-staves staff))
       (begin
         (hashq-set! msmd-named-staves staff #t)
         (msmd-record "part" msmd-performance (msmd-staff-number staff) (msmd-staff-place staff)
                      (msmd-plain-name staff 'instrumentName)
                      (msmd-plain-name staff 'shortInstrumentName)))))

#(define (msmd-sounds? context)
   (or (hashq-ref msmd-sounding-contexts context)
       (let ((parent (ly:context-parent context)))
         (and (ly:context? parent) (msmd-sounds? parent)))))

#(define (msmd-tie? event) (memq 'tie-event (ly:event-property event 'class '())))

#(define (msmd-play! event context voice)
   (let ((now (msmd-performance-clock 'now)) (staff (msmd-staff context)))
     (msmd-name-part! staff)
     (msmd-record "play" msmd-performance (msmd-event-id event)
                  (ly:moment-main now) (ly:moment-grace now)
                  (ly:moment-main (ly:event-length event))
                  (msmd-semitones event context)
                  voice (ly:context-name context) (msmd-staff-number staff) (ly:context-id staff)
                  (if (ly:event-property event 'drum-type #f) 1 0)
                  (if (any msmd-tie? (ly:event-property event 'articulations '())) 1 0)
                  (if (eq? #t (ly:context-property context 'tieWaitForNote #f)) 1 0))))

%% Stands wherever a Note_performer does. Time that skipTypesetting leaves out is not processed.
#(define (msmd-note-performer context)
   (let ((voice (msmd-voice-number context)) (notes '()) (tied? #f))
     (make-performer
      (listeners
       ((note-event performer event) (set! notes (cons event notes)))
       ((tie-event performer event) (set! tied? #t)))
      ((process-music performer)
       (if (and msmd-performance (msmd-sounds? context))
           (begin
             (for-each (lambda (event) (msmd-play! event context voice)) (reverse notes))
             (if tied?
                 (let ((now (msmd-performance-clock 'now)))
                   (msmd-record "tie" msmd-performance
                                (ly:moment-main now) (ly:moment-grace now) voice))))))
      ((stop-translation-timestep performer)
       (set! notes '())
       (set! tied? #f)))))

#(define (msmd-companion translator)
   "Our performer that has to stand beside one of LilyPond's, which a name tells, or #f."
   (case (if (string? translator) (string->symbol translator) translator)
     ((Note_performer Drum_note_performer) msmd-note-performer)
     ((Staff_performer) msmd-staff-performer)
     (else #f)))

%% Keys of more than seven sharps or flats make MIDI files that are not valid; nobody needs keys there.
#(define (msmd-recorded midi)
   "A \\midi block whose contexts write down what they play."
   (msmd-modified
    midi
    (lambda (group translators)
      (append
       (map (lambda (companion) (list 'consists companion))
            (delete-duplicates (filter-map msmd-companion translators)))
       (if (eq? group 'Score_performer) (list (list 'consists msmd-score-performer)) '())
       (if (memq 'Key_performer translators) '((remove Key_performer)) '())))))

#(define (msmd-accompany! music companion-of)
   "Where a \\with adds or removes a translator, add or remove its companion of ours, too."
   ;; Not music-map: it sets the elements of all music anew, by which what showFirstLength skips gets its true length.
   (for-some-music
    (lambda (m)
      (let ((changes (ly:music-property m 'property-operations '())))
        (if (pair? changes)
            (set! (ly:music-property m 'property-operations)
                  (append-map
                   (lambda (change)
                     (let ((companion (and (memq (car change) '(consists remove))
                                           (companion-of (cadr change)))))
                       (if companion (list change (list (car change) companion)) (list change))))
                   changes))))
      #f)
    music)
   music)

%%% Performing %%%

#(define (msmd-without-procedures music)
   "Music without \\applyContext and \\applyOutput, which may need what only layout has. Ours, numbered, stay."
   (music-filter
    (lambda (m) (or (not (memq (ly:music-property m 'name) '(ApplyContext ApplyOutputEvent)))
                    (integer? (ly:music-property m 'msmd-id))))
    music))

#(define (msmd-try number music midi)
   "Perform a score, and return #f, or what stopped it."
   (set! msmd-performance number)
   (set! msmd-performance-clock #f)
   (msmd-record "perform" number)
   (catch #t
     (lambda ()
       ;; A source may mute a staff by removing its performer.
       (let ((context (ly:run-translator (msmd-accompany! music msmd-companion) (msmd-recorded midi))))
         (ly:performance-write (ly:format-output context) (format #f "msmd-~a.midi" number) "")
         (msmd-record "midi" number)
         #f))
     (lambda (key . arguments) (format #f "~a ~s" key arguments))))

#(define (msmd-perform! number music midi)
   (if (msmd-try number (ly:music-deep-copy music) midi)
       (let ((trouble (msmd-try number (msmd-without-procedures music) midi)))
         (if trouble
             (ly:warning "score ~a cannot be performed: ~a" (1+ number) trouble))))
   (msmd-record-marks!))
