// Package jsonclient has what cfssl names of a connection to a log.
package jsonclient

// Options would be those of the connection.
type Options struct{}
