% Covers: a piece that begins with grace notes (its music starts before time zero), \appoggiatura.
\version "2.24.0"

\header {
  title = "Für Elise"
  subtitle = "from the episode in F"
  composer = "Ludwig van Beethoven (1770–1827)"
  opus = "WoO 59"
  mutopiatitle = "Für Elise: episode in F (excerpt)"
  mutopiacomposer = "BeethovenLv"
  mutopiaopus = "WoO 59"
  mutopiainstrument = "Piano"
  date = "1810"
  source = "First edition (Nohl, 1867)"
  style = "Romantic"
  license = "Public Domain"
  maintainer = "msmdtools"
  tagline = ##f
}

\score {
  \new PianoStaff <<
    \new Staff = "upper" {
      \key f \major
      \time 3/8
      \tempo 8 = 132
      \grace { f'16 a' } c''4 f''16. e''32 | e''8( d'') bes''16. a''32 |
      a''16( g'' f'' e'' d'' c'') | bes'8( a') \appoggiatura bes'32 a'32( g' a' bes') |
      c''4 d''16( dis'') | e''8. e''16( f'' a') | c''4 d''16. b'32 | c''8 r r \bar "||"
    }
    \new Staff = "lower" {
      \clef bass
      \key f \major
      \grace s8
      f16 a c' a c' a | f bes d' bes d' bes |
      f e' <f g bes> e' <f g bes> e' | f a c' a c' a |
      f a c' a c' a | e a c' a <d d'> f | g e' g e' g f' | <c' e'>8 r r |
    }
  >>
  \layout { }
  \midi { }
}
