% Covers: a header in an included file, a score without \midi, staccato chords, a change of clef.
\version "2.24.0"

\include "../album.ily"

\header {
  title = "Soldatenmarsch"
  subtitle = "bars 1 to 8"
  opus = "op. 68, no. 2"
  mutopiatitle = "Album für die Jugend: Soldatenmarsch (excerpt)"
  mutopiaopus = "O 68, No. 2"
}

\score {
  \new PianoStaff <<
    \new Staff = "upper" {
      \key g \major \time 2/4
      \tempo "Munter und straff" 4 = 120
      <g' b'>8.\f <g' c''>16 <g' d''>8-. r | <g' e''>8-. r <g' d''>-. r |
      <fis' c''>8-. r <g' b'>-. r | <fis' a'>8-. r g'-. r |
      <g' b'>8. <g' c''>16 <g' d''>8-. r | <g' e''>8-. r <g' d''>-. r |
      <e'' g''>8-. r <d'' fis''>-. r | <cis'' e''>8-. r d''-. r \bar "||"
    }
    \new Staff = "lower" {
      \clef bass \key g \major
      g8. a16 b8-. r | c'8-. r b-. r |
      a8-. r g-. r | <d c'>8-. r <g b>-. r |
      g8. a16 b8-. r | c'8-. r b-. r |
      cis'8-. r d'-. r | \clef treble <a g'>8-. r <d' fis'>-. r |
    }
  >>
  \layout { }
}
