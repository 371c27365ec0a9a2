// Package snapshot says which Secrets a snapshot of etcd has, and which keys have encrypted them. It reads the
// pages of the database one after the other: a snapshot may be larger than memory.
package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"

	"golang.org/x/crypto/nacl/secretbox"
)

// Encrypted are the Secrets of a snapshot that one key has encrypted.
type Encrypted struct {
	// Provider and Name are those of the key, as etcd stores them before what it encrypted; both are "" of
	// Secrets that are not encrypted.
	Provider, Name string
	Secrets        int
	sample         []byte // the smallest of them, as it is stored
}

const (
	keyBucket     = "key" // etcd's, of all revisions (etcd, server/storage/schema)
	secretsPrefix = "/registry/secrets/"
	encrypted     = "k8s:enc:" // before the provider (apiserver, pkg/storage/value/encrypt)

	maxKeys = 1000 // names of keys: a real cluster has a few
)

// stored is the newest revision of a Secret.
type stored struct {
	by, size int // the number of its key, -1 of one that was deleted; how many bytes it has
	at       int64
}

// reading is what has been seen of a database.
type reading struct {
	keys    []Encrypted
	secrets map[[16]byte]stored // by a digest of its name: names may be long
}

// Secrets returns the Secrets of a snapshot without its checksum, by the keys that have encrypted them. Only the
// newest revision of each counts: no API server reads others.
func Secrets(file io.ReaderAt, size int64) ([]Encrypted, error) {
	b, err := openBolt(file, size)
	if err != nil {
		return nil, err
	}
	r := reading{secrets: map[[16]byte]stored{}}
	found, err := b.bucket(keyBucket, r.revision)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, errDamaged
	}
	return r.counted(file)
}

// counted returns the keys of which there are Secrets, each with one of these.
func (r *reading) counted(file io.ReaderAt) ([]Encrypted, error) {
	smallest := make([]stored, len(r.keys))
	for _, s := range r.secrets {
		if s.by < 0 {
			continue
		}
		if r.keys[s.by].Secrets++; r.keys[s.by].Secrets == 1 || s.size < smallest[s.by].size {
			smallest[s.by] = s
		}
	}
	for n, s := range smallest {
		r.keys[n].sample = make([]byte, s.size)
		if _, err := file.ReadAt(r.keys[n].sample, s.at); err != nil {
			return nil, readError(err)
		}
	}
	return slices.DeleteFunc(r.keys, func(k Encrypted) bool { return k.Secrets == 0 }), nil
}

// revision takes one revision of a key of etcd.
func (r *reading) revision(e element) error {
	key, value, at, isSecret := secretIn(e.value)
	if !isSecret {
		return nil
	}
	if tombstone(e.key) {
		r.secrets[digest(key)] = stored{by: -1}
		return nil
	}
	provider, name := keyOf(value)
	by := slices.IndexFunc(r.keys, func(k Encrypted) bool { return k.Provider == provider && k.Name == name })
	if by < 0 {
		if by = len(r.keys); by >= maxKeys {
			return errDamaged
		}
		r.keys = append(r.keys, Encrypted{Provider: provider, Name: name})
	}
	r.secrets[digest(key)] = stored{by, len(value), e.at + int64(at)}
	return nil
}

func digest(key []byte) (d [16]byte) {
	sum := sha256.Sum256(key)
	copy(d[:], sum[:])
	return d
}

// tombstone reports whether a revision deletes its key (etcd, server/storage/mvcc/revision.go).
func tombstone(revision []byte) bool { return len(revision) == 18 && revision[17] == 't' }

// secretIn returns the key and the value of a revision, a mvccpb.KeyValue, and where in it the value is, if it is
// a Secret.
func secretIn(whole []byte) (key, value []byte, at int, is bool) {
	for message := whole; len(message) > 0; {
		tag, n := binary.Uvarint(message)
		if n <= 0 {
			return nil, nil, 0, false
		}
		message = message[n:]
		number, n := binary.Uvarint(message)
		if n <= 0 {
			return nil, nil, 0, false
		}
		message = message[n:]
		switch tag & 7 {
		case 0: // a number
			continue
		case 2: // bytes
		default:
			return nil, nil, 0, false
		}
		if number > uint64(len(message)) {
			return nil, nil, 0, false
		}
		field := message[:number]
		message = message[number:]
		switch tag >> 3 {
		case 1:
			if key = field; !bytes.HasPrefix(key, []byte(secretsPrefix)) {
				return nil, nil, 0, false
			}
		case 5:
			value, at = field, len(whole)-len(message)-len(field)
		}
	}
	return key, value, at, key != nil
}

// keyOf returns the provider and the name of the key that encrypted a value.
func keyOf(value []byte) (provider, name string) {
	rest, is := bytes.CutPrefix(value, []byte(encrypted))
	if !is {
		return "", ""
	}
	// Of the provider, of the format, and of the key.
	parts := strings.SplitN(string(rest[:min(len(rest), 300)]), ":", 4)
	if len(parts) < 4 {
		return "", ""
	}
	return parts[0], parts[2]
}

// secretboxProvider is the one whose Secrets can be opened here, as in hagen's clusters.
const secretboxProvider = "secretbox"

// IsDamaged reports whether an error says that a file is no database of etcd, and not that it could not be read.
func IsDamaged(err error) bool { return errors.Is(err, errDamaged) }

// Opens reports whether a key of 32 bytes opens one of the Secrets.
func (e Encrypted) Opens(key []byte) bool {
	sealed, is := bytes.CutPrefix(e.sample, []byte(encrypted+secretboxProvider+":v1:"+e.Name+":"))
	if !is || len(key) != 32 || len(sealed) < 24 {
		return false
	}
	_, opens := secretbox.Open(nil, sealed[24:], (*[24]byte)(sealed[:24]), (*[32]byte)(key))
	return opens
}
