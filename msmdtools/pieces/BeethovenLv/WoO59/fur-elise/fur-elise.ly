% Covers: pickup, repeat with alternatives of unequal length, a voice that crosses the staves.
\version "2.24.0"

\header {
  title = "Für Elise"
  subtitle = "first part"
  composer = "Ludwig van Beethoven (1770–1827)"
  opus = "WoO 59"
  mutopiatitle = "Für Elise (excerpt)"
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

up = { \change Staff = "upper" \voiceTwo }
down = { \change Staff = "lower" \oneVoice }

melody = {
  \voiceOne
  \repeat volta 2 {
    \partial 8 e''16\pp dis'' |
    e''16 dis'' e'' b' d'' c'' | a'8 s4 | b'8 s4 | c''8 s e''16 dis'' |
    e''16 dis'' e'' b' d'' c'' | a'8 s4 | b'8 s c''16 b' |
    \alternative {
      { \partial 4 a'4 }
      { a'8 s16 b' c'' d'' | }
    }
  }
  \oneVoice
  e''8. g'16 f'' e'' | d''8. f'16 e'' d'' | c''8. e'16 d'' c'' | b'4.\fermata \bar "||"
}

% The broken chords begin in the left hand and end in the right.
brokenChords = {
  \repeat volta 2 {
    \partial 8 s8 |
    s4. | a,16[ e a] \up c'[ e' a'] | \down e,16[ e gis] \up e'[ gis' b'] |
    \down a,16[ e a] \up e' s8 |
    s4. | \down a,16[ e a] \up c'[ e' a'] | \down e,16[ e gis] \up e' s8 |
    \alternative {
      { \partial 4 \down a,16[ e a] r }
      { \down a,16[ e a] r r8 | }
    }
  }
  c16 g c' r r8 | g,16 g b r r8 | a,16 e a r r8 | e,16 e e' r r8\fermata |
}

\score {
  \new PianoStaff <<
    \new Staff = "upper" { \key a \minor \time 3/8 \tempo "Poco moto" 8 = 132 \melody }
    \new Staff = "lower" { \clef bass \key a \minor \brokenChords }
  >>
  \layout { }
  \midi { }
}
