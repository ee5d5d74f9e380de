% Covers: three staves, percent repeats of a bar and of a beat, lyrics beside the notes, whole-bar rests.
\version "2.24.0"

\header {
  title = "Frère Jacques"
  subtitle = "as a round"
  composer = "Traditional"
  mutopiatitle = "Frère Jacques (as a round)"
  mutopiacomposer = "Traditional"
  mutopiainstrument = "Harpsichord, Piano"
  date = "18th century"
  source = "The tune is traditional; the setting was written for msmdtools"
  style = "Folk"
  license = "Public Domain"
  maintainer = "msmdtools"
  tagline = ##f
}

round = {
  \repeat percent 2 { f'4 g' a' f' | }
  \repeat percent 2 { a'4 bes' c''2 | }
  \repeat percent 2 { c''8 d'' c'' bes' a'4 f' | }
  \repeat percent 2 { f'4 c' f'2 | }
}

\score {
  <<
    \new PianoStaff <<
      \new Staff = "upper" {
        \key f \major
        \tempo 4 = 112
        \new Voice = "tune" { \round R1*2 \bar "|." }
      }
      \new Lyrics \lyricsto "tune" {
        Frè -- re Jac -- ques, dor -- mez vous? Son -- nez les ma -- ti -- nes! Din, dan, don.
      }
      \new Staff = "lower" { \clef bass \key f \major R1*2 \transpose c c, \round }
    >>
    \new Staff = "pedal" {
      \clef bass
      \key f \major
      R1*4 \repeat unfold 5 { \repeat percent 4 { f,8 c } } f,2\fermata r2
    }
  >>
  \layout { }
  \midi { }
}
