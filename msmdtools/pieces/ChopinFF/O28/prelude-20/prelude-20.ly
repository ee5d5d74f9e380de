% Covers: thick chords, two voices with chords on one staff, octaves, note names in another language.
\version "2.24.0"
\language "english"

\header {
  title = "Prelude in C minor"
  subtitle = "bars 1 to 4"
  composer = "Frédéric Chopin (1810–1849)"
  opus = "op. 28, no. 20"
  mutopiatitle = "Prelude in C minor (excerpt)"
  mutopiacomposer = "ChopinFF"
  mutopiaopus = "O 28, No. 20"
  mutopiainstrument = "Piano"
  date = "1839"
  source = "First edition (Catelin, 1839)"
  style = "Romantic"
  license = "Public Domain"
  maintainer = "msmdtools"
  tagline = ##f
}

\score {
  \new PianoStaff <<
    \new Staff = "upper" {
      \clef bass
      \key c \minor
      \tempo "Largo" 4 = 42
      <g c' ef' g'>4\ff <af c' ef' af'>
      << { <ef' g'>8. <d' f'>16 } \\ { <g b>4 } >> <ef g c' ef'>4 |
      <ef af c' ef'>4 <f af df' f'>
      << { <c' ef'>8. <bf df'>16 } \\ { <df ef g>4 } >> <c ef af c'>4 |
      <d f b d'>4 <e g bf c' e'> << { g'8. f'16 } \\ { <af c'>4 } >> <g c' ef'>4 |
      <fs c' d'>4 <g b d' g'>
      \clef treble << { b'8. a'16 } \\ { <c' d' fs'>4 } >> <b d' g'>4 \bar "||"
    }
    \new Staff = "lower" {
      \clef bass
      \key c \minor
      <c, c>4 <f,, f,> <g,, g,> <c, g, c> | <af,, af,>4 <df,, df,> <ef,, ef,> <af,, af,> |
      <g,, g,>4 <c,, c,> <f,, f,> <c, c> | <d, a, d>4 <g, g> <d, d> <g, g> |
    }
  >>
  \layout { }
  \midi { }
}
