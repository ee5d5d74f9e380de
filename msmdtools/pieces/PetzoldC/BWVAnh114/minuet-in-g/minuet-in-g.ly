% Covers: a repeat, chords, two voices on one staff, trills and mordents, fingering, fermata.
\version "2.24.0"

\header {
  title = "Minuet in G"
  subtitle = "first part"
  composer = "Christian Petzold (1677–1733)"
  opus = "BWV Anh. 114"
  mutopiatitle = "Minuet in G (excerpt)"
  mutopiacomposer = "PetzoldC"
  mutopiaopus = "BWV Anh. 114"
  mutopiainstrument = "Harpsichord, Piano"
  date = "before 1725"
  source = "Notebook for Anna Magdalena Bach (1725)"
  style = "Baroque"
  license = "Public Domain"
  maintainer = "msmdtools"
  tagline = ##f
}

global = {
  \key g \major
  \time 3/4
  \tempo 4 = 120
}

right = {
  \global
  \repeat volta 2 {
    d''4-5 g'8 a' b' c'' | d''4 g' g' |
    e''4\mordent c''8 d'' e'' fis'' | g''4 g' g' |
    c''4\mordent d''8 c'' b' a' | b'4 c''8 b' a' g' |
    fis'4 g'8 a' b' g' | a'2.\mordent | \break
    d''4 g'8 a' b' c'' | d''4 g' g' |
    e''4\mordent c''8 d'' e'' fis'' | g''4 g' g' |
    c''4\mordent d''8 c'' b' a' | b'4 c''8 b' a' g' |
    a'4\trill b'8 a' g' fis' | g'2.\fermata
  }
}

left = {
  \clef bass
  \global
  \repeat volta 2 {
    << { <b d'>2 } \\ { g2 } >> a4 | b2. |
    c'2. | b2. |
    a2. | g2. |
    d'4 b g | d'4 d8 c' b a |
    b2 a4 | g4 b g |
    c'2. | b4 c'8 b a g |
    a2 fis4 | g2 b4 |
    c'4 d' d | g2 g,4\fermata
  }
}

\score {
  \new PianoStaff <<
    \new Staff = "upper" \right
    \new Staff = "lower" \left
  >>
  \layout { }
  \midi { }
}
