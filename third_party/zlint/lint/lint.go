// Package lint has those of zlint's types that cfssl's signing profiles name.
package lint

import "errors"

// LintStatus is how bad a finding has to be. Reserved lints nothing.
type LintStatus int

// Reserved is the status of profiles that ask for no lints.
const Reserved LintStatus = 0

// LintResult is what a lint found.
type LintResult struct {
	Status LintStatus
}

// LintSource is where a lint comes from.
type LintSource string

// UnknownLintSource is any here.
const UnknownLintSource LintSource = "Unknown"

// FromString knows no source.
func (s *LintSource) FromString(string) { *s = UnknownLintSource }

// SourceList is some of them.
type SourceList []LintSource

// FilterOptions choose lints.
type FilterOptions struct {
	ExcludeNames   []string
	ExcludeSources SourceList
}

// Empty says that nothing is chosen.
func (o FilterOptions) Empty() bool { return len(o.ExcludeNames)+len(o.ExcludeSources) == 0 }

// Registry has lints.
type Registry interface {
	Filter(FilterOptions) (Registry, error)
}

// GlobalRegistry has none.
func GlobalRegistry() Registry { return none{} }

type none struct{}

func (none) Filter(FilterOptions) (Registry, error) {
	return nil, errors.New("this cfssl is built without zlint, which a signing profile asks for")
}
