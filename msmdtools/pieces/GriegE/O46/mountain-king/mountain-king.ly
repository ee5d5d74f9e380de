% Covers: tremolo on one note, on a chord and between two notes, \transpose, ottava, changes of tempo,
% two pages, octave doublings, notes far below and above the staff.
\version "2.24.0"

\header {
  title = "In the Hall of the Mountain King"
  subtitle = "the theme, arranged"
  composer = "after Edvard Grieg (1843–1907)"
  opus = "op. 46, no. 4"
  mutopiatitle = "Peer Gynt: In the Hall of the Mountain King (theme, arranged)"
  mutopiacomposer = "GriegE"
  mutopiaopus = "O 46, No. 4"
  mutopiainstrument = "Piano"
  date = "1875"
  source = "The theme is Grieg's; the setting was written for msmdtools"
  style = "Romantic"
  license = "Public Domain"
  maintainer = "msmdtools"
  tagline = ##f
}

\paper {
  ragged-bottom = ##t
}

theme = {
  b8-. cis'-. d'-. e'-. fis'-. d'-. fis'4-> | eis'8-. cis'-. eis'4-> e'8-. c'-. e'4-> |
  b8-. cis'-. d'-. e'-. fis'-. d'-. fis'-. b'-. | a'8-. fis'-. d'-. fis'-. a'2 |
}

right = {
  r4\pp <fis d'>-. r q-. | r4 <gis cis'>-. r <g c'>-. |
  r4 <fis d'>-. r q-. | r4 <fis d'>-. q2 | \break
  \tempo "Più mosso" 4 = 160
  \clef treble
  \ottava 1
  \transpose c c'' \theme
  \ottava 0 \pageBreak
  \tempo "Presto" 4 = 184
  <b d' fis' b'>4\ff r \repeat tremolo 8 { fis'32 b' } | <cis' eis' gis' cis''>4 r <c' e' g' c''>2:32 |
  \repeat tremolo 4 { b'16 d'' } <fis' b'>4 r | d''2:32 fis''4:16 r |
  \tempo "Largo" 4 = 60
  <b d' fis' b'>1\fermata \bar "|."
}

left = {
  \transpose c c, \theme
  <b, fis>2:32 q:32 | <cis gis>2:32 <c g>:32 |
  <b, fis>2:32 q:32 | <d a>2:32 q:32 |
  <b,, b,>4 r b,2:32 | <cis, cis>4 r <c, c>2:32 |
  <b,, b,>2 q4 r | \repeat tremolo 8 { d32 a } \repeat tremolo 4 { d32 fis } r4 |
  <b,, fis, b,>1\fermata
}

\score {
  \new PianoStaff <<
    \new Staff = "upper" { \clef bass \key b \minor \tempo "Alla marcia" 4 = 138 \right }
    \new Staff = "lower" { \clef bass \key b \minor \left }
  >>
  \layout { }
  \midi { }
}
