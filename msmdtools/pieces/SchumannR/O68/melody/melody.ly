% Covers: a header in an included file, two voices that share a head, slurs, dynamics.
\version "2.24.0"

\include "../album.ily"

\header {
  title = "Melodie"
  subtitle = "bars 1 to 12"
  opus = "op. 68, no. 1"
  mutopiatitle = "Album für die Jugend: Melodie (excerpt)"
  mutopiaopus = "O 68, No. 1"
}

right = {
  \tempo "Nicht schnell" 4 = 104
  \repeat volta 2 {
    e''4\p( d'' c'' b' | a'8 c'' b' d'' c''4 g') |
    g''4( f'' e'' c'' | b' <f' a'> g') r |
  }
  d''4( c'' b') r | f''4( e'' d'') r |
  a''4(\< g'' f'' e''\! |
  d''8 f'' e'' g'' << { \voiceOne f''4. d''8) } \new Voice { \voiceTwo a'8 c'' b' d'' } >> \oneVoice |
  <c'' e''>4( d'' c'' b' | a'8 c'' b' d'' c''4 g') |
  a''4( g'' <b' f''> <c'' e''> | d''8 f'' b' d'' c''4) r \bar "|."
}

left = {
  \repeat volta 2 {
    c'8( g' f' g' e' g' c' e' | f' d' g' f' e' f' e' d') |
    e'8( g' d' g' c' g' e' g' | d' g' c' d' b d' g4) |
  }
  f'8( g' e' g' d' g' fis' g') | d'8( g' c' g' b g' fis' g') |
  f'8( g' e' g' d' g' c' g' | b g' c' cis' d'4 g') |
  c'8( g' f' g' e' g' c' e' | f' d' g' f' e' f' e' c') |
  f'8( c'' e' c'' d' g' c' g' | f' a' g' f' e' g' c' e')
}

\score {
  \new PianoStaff <<
    \new Staff = "upper" \right
    \new Staff = "lower" \left
  >>
  \layout { }
  \midi { }
}
