% Covers: pickup, chord repetition (q), ties in chords and ties of some of a chord's notes, pedal.
\version "2.24.0"

\header {
  title = "Prelude in A"
  subtitle = "bars 1 to 8"
  composer = "Frédéric Chopin (1810–1849)"
  opus = "op. 28, no. 7"
  mutopiatitle = "Prelude in A (excerpt)"
  mutopiacomposer = "ChopinFF"
  mutopiaopus = "O 28, No. 7"
  mutopiainstrument = "Piano"
  date = "1839"
  source = "First edition (Catelin, 1839)"
  style = "Romantic"
  license = "Public Domain"
  maintainer = "msmdtools"
  tagline = ##f
}

right = {
  \partial 4 e'4\p( |
  cis''8. d''16 <d' gis' b'>4 q | q2) <d'' fis''>4( |
  <bis' dis''>8. <cis'' e''>16 <cis'' a''>4 q | q2) <e' cis''>4( |
  <<
    { \voiceOne s4 <fis' d''>4 q | q2) }
    \new Voice { \voiceTwo <cis' ais'>8. <d'~ b'>16 d'2 ~ | d'2 }
  >>
  \oneVoice <d' gis'>4( |
  q8. <cis' a'>16 <cis' cis''>4 q | q2) r4 \bar "||"
}

left = {
  \clef bass
  \partial 4 r4 |
  e,4\sustainOn <e e'> q | q2 r4\sustainOff |
  a,4\sustainOn <a e'> q | q2 r4\sustainOff |
  e,4\sustainOn <e b> q | q2 r4\sustainOff |
  a,,4\sustainOn <e a e'> q | q2 r4\sustainOff |
}

\score {
  \new PianoStaff <<
    \new Staff = "upper" { \key a \major \time 3/4 \tempo "Andantino" 4 = 84 \right }
    \new Staff = "lower" { \key a \major \left }
  >>
  \layout { }
  \midi { }
}
