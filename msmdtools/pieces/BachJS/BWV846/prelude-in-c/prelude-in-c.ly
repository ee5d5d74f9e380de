% Covers: a title page without notes, a music function whose argument sounds twice (two heads with one
% place in the source), ties, two voices on one staff, several pages.
\version "2.24.0"

\header {
  title = "Prelude in C"
  subtitle = "bars 1 to 11"
  composer = "Johann Sebastian Bach (1685–1750)"
  opus = "BWV 846"
  mutopiatitle = "The Well-Tempered Clavier I: Prelude in C (excerpt)"
  mutopiacomposer = "BachJS"
  mutopiaopus = "BWV 846"
  mutopiainstrument = "Harpsichord, Piano"
  date = "1722"
  source = "Autograph"
  style = "Baroque"
  license = "Public Domain"
  maintainer = "msmdtools"
  tagline = ##f
}

% A bar has five notes, from the bottom: two for the left hand, three for the right.
right =
#(define-music-function (x y z) (ly:pitch? ly:pitch? ly:pitch?)
   #{ \repeat unfold 2 { r8 $x 16 $y $z $x $y $z } #})

left =
#(define-music-function (low high) (ly:pitch? ly:pitch?)
   #{ << \repeat unfold 2 { r16 $high 8. ~ $high 4 } \\ { $low 2 $low } >> #})

\book {
  \paper { ragged-bottom = ##t }
  \markup \fill-line {
    \center-column {
      \vspace #14
      \fontsize #4 \bold "The Well-Tempered Clavier"
      \vspace #1
      "Book One"
      \vspace #3
      \italic "for all keys, through all tones and semitones"
    }
  }
  \pageBreak

  \score {
    \new PianoStaff <<
      \new Staff = "upper" {
        \time 4/4
        \tempo 4 = 66
        \right g' c'' e'' | \right a' d'' f'' | \right g' d'' f'' | \right g' c'' e'' |
        \right a' e'' a'' | \right fis' a' d'' | \right g' d'' g'' | \pageBreak
        \right e' g' c'' | \right e' g' c'' | \right d' fis' c'' | \right d' g' b' \bar "||"
      }
      \new Staff = "lower" {
        \clef bass
        \left c' e' | \left c' d' | \left b d' | \left c' e' |
        \left c' e' | \left c' d' | \left b d' |
        \left b c' | \left a c' | \left d a | \left g b |
      }
    >>
    \layout { }
    \midi { }
  }
}
