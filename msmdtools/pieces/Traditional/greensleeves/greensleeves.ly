% Covers: one staff, \transpose of the whole, pickup, compound metre, repeat with alternatives, breath.
\version "2.24.0"

\header {
  title = "Greensleeves"
  composer = "Traditional"
  mutopiatitle = "Greensleeves"
  mutopiacomposer = "Traditional"
  mutopiainstrument = "Harpsichord"
  date = "16th century"
  source = "Traditional"
  style = "Folk"
  license = "Public Domain"
  maintainer = "msmdtools"
  tagline = ##f
}

tune = {
  \key e \minor
  \time 6/8
  \tempo 4. = 52
  \repeat volta 2 {
    \partial 8 e'8 |
    g'4 a'8 b'8. c''16 b'8 | a'4 fis'8 d'8. e'16 fis'8 |
    \alternative {
      { g'4 e'8 e'8. dis'16 e'8 | \partial 8*5 fis'4. b4 }
      { g'8. fis'16 e'8 dis'8. cis'16 dis'8 | e'4. e'4. \breathe | }
    }
  }
  d''4. d''8. cis''16 b'8 | a'4 fis'8 d'8. e'16 fis'8 |
  g'4 e'8 e'8. dis'16 e'8 | fis'4 dis'8 b4. |
  d''4. d''8. cis''16 b'8 | a'4 fis'8 d'8. e'16 fis'8 |
  g'8. fis'16 e'8 dis'8. cis'16 dis'8 | e'4. ~ 4. \bar "|."
}

\score {
  \new Staff \transpose e a \tune
  \layout { }
  \midi { }
}
