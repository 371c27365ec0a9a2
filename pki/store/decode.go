package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"hagen/gen/lazy"
	"hagen/pki"
)

// indexFault is a fault at a position in the index.
type indexFault struct {
	offset int
	text   string
}

// decodeIndex reads an index file; in version 2 the records are separate files. It is strict: an
// unknown field would be lost with the next write.
func decodeIndex(data []byte) (index, []indexFault) {
	var versioned struct{ Version *float64 } // any number
	if err := json.Unmarshal(data, &versioned); err != nil {
		return index{}, []indexFault{jsonFault(data, 0, err)}
	}
	switch version := versioned.Version; {
	case version == nil || *version < 1:
		return index{}, []indexFault{{0, "it has no version, so hagen did not write it: restore it from a backup"}}
	case *version > indexVersion:
		return index{}, []indexFault{{0, fmt.Sprintf("it was written by a newer hagen (version %g; this one knows %d): use that one", *version, indexVersion)}}
	}
	if *versioned.Version == 1 {
		return decodeFirst(data)
	}
	var read struct {
		Version int
		Cluster string
	}
	if err := decodeStrictly(data, &read); err != nil {
		return index{}, []indexFault{jsonFault(data, 0, err)}
	}
	if read.Cluster == "" {
		return index{}, []indexFault{{0, "it names no cluster: restore it from a backup"}}
	}
	return index{Version: read.Version, Cluster: read.Cluster}, nil
}

// decodeRecord reads the record of an item, in version 2.
func decodeRecord(data []byte) (record, *indexFault) {
	var file recordFile
	if err := decodeStrictly(data, &file); err != nil {
		fault := jsonFault(data, 0, err)
		return record{}, &fault
	}
	if err := file.Request.Validate(); err != nil {
		return record{}, &indexFault{0, strings.ReplaceAll(err.Error(), "\n", "; ") + ": restore it from a backup"}
	}
	found, known := file.record()
	if !known {
		return record{}, &indexFault{0, "it does not hold generations as this hagen writes them: use the newer one that wrote it, or restore it from a backup"}
	}
	return found, nil
}

// decodeClient reads the record of a certificate that is not kept, in version 2.
func decodeClient(data []byte) (ClientRecord, *indexFault) {
	var read ClientRecord
	if err := decodeStrictly(data, &read); err != nil {
		fault := jsonFault(data, 0, err)
		return read, &fault
	}
	return read, nil
}

// decodeFirst reads an index of version 1, with all that it holds.
func decodeFirst(data []byte) (index, []indexFault) {
	var raw struct {
		Version int
		Items   []json.RawMessage
		Clients []json.RawMessage
	}
	if err := decodeStrictly(data, &raw); err != nil {
		return index{}, []indexFault{jsonFault(data, 0, err)}
	}
	read := index{Version: raw.Version, Items: make([]record, len(raw.Items)), Clients: make([]ClientRecord, len(raw.Clients))}
	var faults []indexFault
	for i, text := range raw.Items {
		if err := decodeStrictly(text, &read.Items[i]); err != nil {
			faults = append(faults, jsonFault(data, bytes.Index(data, text), err))
		}
	}
	for i, text := range raw.Clients {
		if string(text) == "null" {
			faults = append(faults, indexFault{bytes.Index(data, text), "a record is empty: restore it from a backup"})
			continue
		}
		if err := decodeStrictly(text, &read.Clients[i]); err != nil {
			faults = append(faults, jsonFault(data, bytes.Index(data, text), err))
		}
	}
	if len(faults) > 0 {
		return index{}, faults
	}
	if faults := checkNames(data, read.Items, raw.Items); len(faults) > 0 {
		return index{}, faults
	}
	return read, nil
}

// checkNames faults a record whose path is outside of the directory or is that of another record.
func checkNames(data []byte, items []record, raw []json.RawMessage) []indexFault {
	var faults []indexFault
	seen := map[string]bool{}
	for i, item := range items {
		offset := bytes.Index(data, raw[i])
		if err := item.Request.Validate(); err != nil {
			faults = append(faults, indexFault{offset, strings.ReplaceAll(err.Error(), "\n", "; ") + ": restore it from a backup"})
		}
		name := strings.ToLower(item.Request.Name)
		if seen[name] {
			faults = append(faults, indexFault{offset, item.Request.Name + " is recorded twice: restore it from a backup"})
		}
		seen[name] = true
	}
	return faults
}

func decodeStrictly(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is text after its end")
	}
	return nil
}

// unknownField matches encoding/json's error about an unknown field, which has no type of its own.
var unknownField = lazy.Regexp(`unknown field "[^"]*"`)

// conflict matches the marks of a merge conflict in git.
var conflict = lazy.Regexp(`(?m)^(<{7}|={7}|>{7}|\|{7})`)

// jsonFault turns an error of encoding/json into words for the user; base is the offset of the decoded part in data.
func jsonFault(data []byte, base int, err error) indexFault {
	if at := conflict().FindIndex(data); at != nil {
		return indexFault{at[0], "a merge conflict was left here: keep one side and remove the marks"}
	}
	offset, text := max(base, 0), "it holds a value that hagen does not write"
	var syntax *json.SyntaxError
	var mistyped *json.UnmarshalTypeError
	var date *time.ParseError
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		text = "it is empty"
	case errors.As(err, &syntax):
		offset += max(int(syntax.Offset)-1, 0)
		text = "it is not JSON from here on"
		if int(syntax.Offset) >= len(data)-base {
			text = "it is cut short"
		}
	case errors.Is(err, io.ErrUnexpectedEOF):
		offset, text = len(bytes.TrimRight(data, " \t\r\n"))-1, "it is cut short"
	case errors.As(err, &date):
		text = date.Value + " is not a time like \"2026-01-02T15:04:05Z\""
	case errors.As(err, &mistyped):
		text = fmt.Sprintf("the value has the wrong type (%s)", mistyped.Value)
		// Only the field's name, without Go's types.
		if field := mistyped.Field[strings.LastIndexByte(mistyped.Field, '.')+1:]; field != "" {
			text = field + ": " + text
		}
	case unknownField().MatchString(err.Error()):
		text = unknownField().FindString(err.Error()) + ": use the newer hagen that wrote it, if one did, or"
		return indexFault{offset, text + " restore it from a backup"}
	case errors.Is(err, pki.ErrLifetime):
		text = err.Error()
	}
	return indexFault{offset, text + ": restore it from a backup"}
}

// position turns an offset into line and column, both from 1, columns in characters.
func position(data []byte, offset int) (line, column int) {
	before := data[:min(offset, len(data))]
	line = 1 + bytes.Count(before, []byte("\n"))
	return line, 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}
