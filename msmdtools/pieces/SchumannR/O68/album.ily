% What the pieces of the album have in common: included by each of them, from one folder above.
\header {
  composer = "Robert Schumann (1810–1856)"
  mutopiacomposer = "SchumannR"
  mutopiainstrument = "Piano"
  date = "1848"
  source = "Album für die Jugend, op. 68"
  style = "Romantic"
  license = "Public Domain"
  maintainer = "msmdtools"
  tagline = ##f
}
