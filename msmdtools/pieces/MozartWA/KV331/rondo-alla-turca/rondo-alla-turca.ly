% Covers: pickup, repeat whose pickup fills its last bar, grace notes before chords, q, staccato.
\version "2.24.0"

\header {
  title = "Rondo alla turca"
  subtitle = "bars 1 to 8"
  composer = "Wolfgang Amadeus Mozart (1756–1791)"
  opus = "KV 331"
  mutopiatitle = "Sonata in A: Rondo alla turca (excerpt)"
  mutopiacomposer = "MozartWA"
  mutopiaopus = "KV 331"
  mutopiainstrument = "Fortepiano, Piano"
  date = "1783"
  source = "First edition (Artaria, 1784)"
  style = "Classical"
  license = "Public Domain"
  maintainer = "msmdtools"
  tagline = ##f
}

turn = \grace { g''32( a'') }

right = {
  \repeat volta 2 {
    \partial 4 b'16(\p a' gis' a' |
    c''8)-. r d''16( c'' b' c'' | e''8)-. r f''16( e'' dis'' e'' |
    b''16 a'' gis'' a'' b'' a'' gis'' a'' | c'''4)-> a''8-. c'''-. |
    \turn b''8-. <fis'' a''>-. <e'' g''>-. <fis'' a''>-. |
    \turn b''8-. <fis'' a''>-. <e'' g''>-. <fis'' a''>-. |
    \turn b''8-. <fis'' a''>-. <e'' g''>-. <dis'' fis''>-. | \partial 4 e''4
  }
}

left = {
  \repeat volta 2 {
    \partial 4 r4 |
    a8 <c' e'> q q | a8 <c' e'> q q | a8 <c' e'> a q | a8 <c' e'> q q |
    e8 <b e'> q q | e8 <b e'> q q | e8 <b e'> b, b | \partial 4 e4
  }
}

\score {
  \new PianoStaff <<
    \new Staff = "upper" { \key a \minor \time 2/4 \tempo "Allegretto" 4 = 126 \right }
    \new Staff = "lower" { \clef bass \key a \minor \left }
  >>
  \layout { }
  \midi { }
}
