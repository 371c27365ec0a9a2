package check

// Severity says how bad a finding is.
type Severity string

// An error is something that does not work, or not as it says; a warning may
// be meant.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing that does not hold.
type Finding struct {
	Severity Severity `json:"severity"`
	Rule     string   `json:"rule"` // its name in docs/check.md
	Host     string   `json:"host"` // "" for a file of no machine
	Item     string   `json:"item"` // path, unit or user
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"` // in bytes, from 1
	Text     string   `json:"text,omitempty"`   // the line; never one that holds a secret
	Problem  string   `json:"problem"`          // a clause without a stop
	Why      string   `json:"why"`
	Remedy   string   `json:"remedy"`
}

// String gives "host: item: problem".
func (f Finding) String() string {
	if f.Host == "" {
		return f.Item + ": " + f.Problem
	}
	return f.Host + ": " + f.Item + ": " + f.Problem
}
