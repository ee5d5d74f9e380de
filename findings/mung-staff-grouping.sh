#!/usr/bin/env bash
# mung 1.2.1 does not see the systems of a graph of MuNG 2.0.
#
# Version 2.0 of the format calls the group of a system's staves `staffGrouping`, as mung's own constants do. Its
# function group_staffs_into_systems looks for `staff_grouping`, the name of version 1, and then takes each staff for a
# system of its own, without a word.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mung==1.2.1
cat > "$folder/piano.xml" <<'XML'
<?xml version="1.0" encoding="utf-8"?>
<Nodes dataset="example" document="piano">
  <Node><Id>0</Id><ClassName>noteheadFull</ClassName><Top>20</Top><Left>30</Left><Width>9</Width><Height>8</Height>
    <Outlinks>2</Outlinks></Node>
  <Node><Id>1</Id><ClassName>noteheadFull</ClassName><Top>80</Top><Left>30</Left><Width>9</Width><Height>8</Height>
    <Outlinks>3</Outlinks></Node>
  <Node><Id>2</Id><ClassName>staff</ClassName><Top>10</Top><Left>10</Left><Width>200</Width><Height>32</Height>
    <Inlinks>0 4</Inlinks></Node>
  <Node><Id>3</Id><ClassName>staff</ClassName><Top>70</Top><Left>10</Left><Width>200</Width><Height>32</Height>
    <Inlinks>1 4</Inlinks></Node>
  <Node><Id>4</Id><ClassName>staffGrouping</ClassName><Top>10</Top><Left>10</Left><Width>200</Width><Height>92</Height>
    <Outlinks>2 3</Outlinks></Node>
</Nodes>
XML
cat > "$folder/look.py" <<'PY'
import contextlib
import io
import sys
from importlib.metadata import version

from mung.graph import group_staffs_into_systems
from mung.io import read_nodes_from_file


def systems(name):
    text = open(sys.argv[1]).read().replace("staffGrouping", name)
    with open(sys.argv[1] + ".as", "w") as file:
        file.write(text)
    with contextlib.redirect_stdout(io.StringIO()):
        found = group_staffs_into_systems(read_nodes_from_file(sys.argv[1] + ".as"))
    return [[staff.id for staff in system] for system in found]


print("mung", version("mung"))
new, old = systems("staffGrouping"), systems("staff_grouping")
print("a staffGrouping with links to staves 2 and 3: expected [[2, 3]], seen", new)
print("the same, called staff_grouping:              expected [[2, 3]], seen", old)
sys.exit(not (new == [[2], [3]] and old == [[2, 3]]))
PY
"$folder/venv/bin/python" "$folder/look.py" "$folder/piano.xml"
