% Covers: several scores in one file, one of them only for MIDI; a piece (score) that begins with a grace
% note; \acciaccatura, \grace, \afterGrace; heads of two voices merged, of equal and of different
% duration; hidden notes; changes of key, metre and tempo in the middle; several pages.
\version "2.24.0"

\header {
  title = "Ah, vous dirai-je, maman"
  subtitle = "first part of the theme, and two variations"
  composer = "after Wolfgang Amadeus Mozart (1756–1791)"
  opus = "KV 265"
  mutopiatitle = "Ah, vous dirai-je, maman (theme, arranged)"
  mutopiacomposer = "MozartWA"
  mutopiaopus = "KV 265"
  mutopiainstrument = "Harpsichord, Piano"
  date = "1782"
  source = "The theme is Mozart's; the variations were written for msmdtools"
  style = "Classical"
  license = "Public Domain"
  maintainer = "msmdtools"
  tagline = ##f
}

\paper {
  ragged-bottom = ##t
}

theme = \new PianoStaff <<
  \new Staff = "upper" {
    \time 2/4
    \tempo 4 = 100
    \repeat volta 2 {
      c''4 c'' | g'' g'' | a'' a'' | g'' g'' |
      f''4 f'' | e'' e'' | d'' d''8. e''16 | c''2
    }
  }
  \new Staff = "lower" {
    \clef bass
    \repeat volta 2 {
      c4 c' | e' c' | f' c' | e' c' |
      d'4 b | c' a | f g | c2
    }
  }
>>

\score {
  \header { piece = "Theme" }
  \theme
  \layout { }
}

\score {
  \unfoldRepeats \theme
  \midi { }
}

\score {
  \header { piece = "Variation 1" opus = ##f }
  \new PianoStaff <<
    \new Staff = "upper" {
      \time 2/4
      \tempo 4 = 100
      \mergeDifferentlyHeadedOn
      \acciaccatura b'8 c''4 \acciaccatura b'8 c''4 | << { g''8 e'' g'' e'' } \\ { g''2 } >> |
      << { a''8 f'' a'' f'' } \\ { a''2 } >> | \grace { g''16 a'' } g''8 f''16 e'' g''4 |
      << { f''4 f'' } \\ { f''8 d'' f'' d'' } >> | << { e''4 e'' } \\ { e''8 c'' e'' c'' } >> |
      d''4 \afterGrace d''4\trill { c''16 d'' } | c''2 \bar "|."
    }
    \new Staff = "lower" {
      \clef bass
      \mergeDifferentlyHeadedOn
      << { c8 g e g } \\ { c2 } >> | << { c8 g e g } \\ { c2 } >> |
      << { c8 a f a } \\ { c2 } >> | << { c8 g e g } \\ { c2 } >> |
      d8 b g b | c8 g a e | <f a>4 <g, g b> | << { c4 e } \\ { c4 c } >> |
    }
  >>
  \layout { }
  \midi { }
}

\pageBreak

\score {
  \header { piece = "Variation 2" opus = ##f }
  \new PianoStaff <<
    \new Staff = "upper" {
      \key c \minor
      \time 2/4
      \tempo "Adagio" 4 = 52
      c''4 c''8( d'') | g''4 g'' | aes''8.( bes''16 aes''8 fis'') | g''4
      % What the pedal holds is written out for the player's ear only.
      << { g''4 } \\ { \hideNotes <c'' ees''>4 \unHideNotes } >> |
      \key c \major
      \time 3/4
      \tempo "Allegro" 4 = 144
      f''8 g'' a'' g'' f'' d'' | e''8 f'' g'' f'' e'' c'' | d''4 g'' \grace e''8 d''8. e''16 | c''2. \bar "|."
    }
    \new Staff = "lower" {
      \clef bass
      \key c \minor
      <c ees g>2 | <ees g c'>2 | <f c'>4 <d aes c'> | <ees c'>2 |
      \key c \major
      <d b>2. | <c c'>4 a e | f4 g g, | <c e>2.
    }
  >>
  \layout { }
  \midi { }
}
