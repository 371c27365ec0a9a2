package gen

import "hagen/gen/document"

// Document, Path and the names below are gen/document's, for who renders.
type Document = document.Document

// The formats and the place that no row of profiles has.
const (
	AdminPath   = document.AdminPath
	Kargs       = document.Kargs
	Gzipped     = document.Gzipped
	GzippedText = document.GzippedText
)

// Path gives the place of a host's document in the rendered tree.
func Path(host, format string) string { return document.Path(host, format) }
