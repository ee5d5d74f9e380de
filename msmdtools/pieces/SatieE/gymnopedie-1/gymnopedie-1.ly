% Covers: ties over several bars, two voices on one staff, spacer rests, hairpins.
\version "2.24.0"

\header {
  title = "Gymnopédie"
  subtitle = "bars 1 to 12"
  composer = "Erik Satie (1866–1925)"
  mutopiatitle = "Gymnopédie No. 1 (excerpt)"
  mutopiacomposer = "SatieE"
  mutopiainstrument = "Piano"
  date = "1888"
  source = "First edition (1888)"
  style = "Modern"
  license = "Public Domain"
  maintainer = "msmdtools"
  tagline = ##f
}

melody = {
  \voiceOne
  s2.\pp | s2. | s2. | s2. |
  s4 fis''(\< a'' | g'' fis'' cis'' | b'\> cis'' d'' | a'2.\! |
  fis'2.) ~ | 2. ~ | 2. ~ | 2. \bar "||"
}

chordVoice = {
  \voiceTwo
  \repeat unfold 6 { s4 <b d' fis'>2 | s4 <a cis' fis'>2 | }
}

\score {
  \new PianoStaff <<
    \new Staff = "upper" {
      \key d \major
      \time 3/4
      \tempo "Lent et douloureux" 4 = 76
      << \new Voice \melody \new Voice \chordVoice >>
    }
    \new Staff = "lower" {
      \clef bass
      \key d \major
      \repeat unfold 6 { g,2. | d,2. | }
    }
  >>
  \layout { }
  \midi { }
}
