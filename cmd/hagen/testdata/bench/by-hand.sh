#!/bin/sh -e
# What hagen stands in for: a certificate after the other with cfssl and cfssljson, then a machine after the other with
# butane. authorities.txt has a name a line; leaves.txt a name, its authority and its signing profile; machines.txt a file.
while read -r name; do
  cfssl gencert -loglevel=5 -initca "$name.json" | cfssljson -bare "$name"
done <authorities.txt
while read -r name authority profile; do
  cfssl gencert -loglevel=5 -ca "$authority.pem" -ca-key "$authority-key.pem" -config policy.json -profile "$profile" "$name.json" | cfssljson -bare "$name"
done <leaves.txt
while read -r file; do
  butane <"$file" >"${file%.bu}.ign"
done <machines.txt
