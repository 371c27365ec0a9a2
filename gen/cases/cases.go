// Package cases reads testdata for tests: cluster files with what is rendered
// of them, and bad cluster files with what is said about them. Most are stored
// as differences: testdata/README.md tells how.
package cases

// Dir is the directory testdata.
type Dir string
