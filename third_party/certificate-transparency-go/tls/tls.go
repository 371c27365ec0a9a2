// Package tls would encode the words of logs.
package tls

import "errors"

var errUnlinked = errors.New("this cfssl is built without Certificate Transparency")

// Marshal refuses.
func Marshal(any) ([]byte, error) { return nil, errUnlinked }

// Unmarshal refuses.
func Unmarshal([]byte, any) ([]byte, error) { return nil, errUnlinked }
