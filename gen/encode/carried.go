package encode

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"gopkg.in/yaml.v3"

	"hagen/gen/node"
	"hagen/profiles"
)

// deepest is how deep documents may be nested.
const deepest = 8

// opener follows the documents that an Ignition document carries, as Ignition does
// (internal/exec, ConfigFetcher.RenderConfig): the one in config.replace replaces it, those
// in config.merge are merged into it, one after the other. References to documents on a
// network stay as they are.
type opener struct {
	system  profiles.OS
	left    int // bytes that may still be unpacked
	further []node.Further
}

// Given returns the document that the machine gets from an Ignition document, and whether
// it carries others. A carried document that is damaged or does not match its hash is an
// error.
func Given(text []byte, system profiles.OS) (given []byte, carries bool, err error) {
	o := opener{system: system, left: largest}
	_, given, err = o.given(text, "", 0)
	return given, o.left < largest, err
}

// given reads a document; where names the document that carries it.
func (o *opener) given(text []byte, where string, deep int) (types.Config, []byte, error) {
	config, remarks, err := o.parse(text)
	if err != nil {
		return config, nil, within(where, cmp.Or(damaged(text), err))
	}
	for _, says := range remarks {
		if where != "" {
			says = where + ": " + says
		}
		o.further = append(o.further, node.Further{Says: says})
	}
	switch carried := config.Ignition.Config; {
	case isInline(carried.Replace):
		return o.instead(config, deep)
	case value(carried.Replace.Source) == "" && slices.ContainsFunc(carried.Merge, isInline):
		return o.merged(config, deep)
	}
	return config, text, nil
}

// parse reads a document alone. The remarks are the parser's warnings.
func (o *opener) parse(text []byte) (config types.Config, remarks []string, err error) {
	parser, known := parsers[o.system.Spec]
	if !known {
		return config, nil, fmt.Errorf("no parser for Ignition %s", o.system.Spec)
	}
	config, entries, err := parser(text)
	if err != nil || entries.IsFatal() {
		return config, nil, complaint("Ignition", Document{}, entries, err)
	}
	for _, e := range entries.Entries {
		remarks = append(remarks, remark(e))
	}
	return config, remarks, nil
}

// damaged returns an error that names a damaged carried document: the parser only reports
// an invalid data URL.
func damaged(text []byte) error {
	var outer struct {
		Ignition struct{ Config types.IgnitionConfig }
	}
	if json.Unmarshal(text, &outer) != nil {
		return nil
	}
	carried := outer.Ignition.Config
	for i, r := range append([]types.Resource{carried.Replace}, carried.Merge...) {
		if _, err := resource(r); isInline(r) && err != nil {
			return errDamaged(nameOf(i))
		}
	}
	return nil
}

// nameOf names the place of a carried document: the first is in config.replace.
func nameOf(i int) string {
	if i == 0 {
		return "config.replace"
	}
	return fmt.Sprintf("config.merge, number %d", i)
}

func errDamaged(name string) error {
	return fmt.Errorf("the document in %s is damaged or cut short: it cannot be unpacked", name)
}

func within(where string, err error) error {
	if err == nil || where == "" {
		return err
	}
	return fmt.Errorf("%s: %w", where, err)
}

// instead returns the document in config.replace. Ignition ignores what is beside it.
func (o *opener) instead(config types.Config, deep int) (types.Config, []byte, error) {
	inner, version, err := o.open(config.Ignition.Config.Replace, nameOf(0), deep)
	if err == nil && inner == nil {
		err = fmt.Errorf("the document in config.replace has Ignition version %s, which hagen does not read", version)
	}
	if err != nil {
		return config, nil, err
	}
	config.Ignition.Version, config.Ignition.Config.Replace = "", types.Resource{}
	var beside node.Node
	further(&beside, "beside config.replace", config)
	instead, text, err := o.given(inner, "", deep+1)
	o.further = append(o.further, beside.Further...)
	return instead, text, err
}

// merged merges the documents in config.merge. The result of valid documents may be
// invalid.
func (o *opener) merged(config types.Config, deep int) (types.Config, []byte, error) {
	parts, elsewhere := config.Ignition.Config.Merge, []types.Resource(nil)
	config.Ignition.Config.Merge = nil
	for i, part := range parts {
		name := nameOf(i + 1)
		if !isInline(part) {
			elsewhere = append(elsewhere, part)
			continue
		}
		inner, version, err := o.open(part, name, deep)
		if err != nil {
			return config, nil, err
		}
		if inner == nil {
			o.further = append(o.further, node.Further{Says: name + ", in Ignition " + version})
			continue
		}
		added, _, err := o.given(inner, "the document in "+name, deep+1)
		if err != nil {
			return config, nil, err
		}
		config = v3_4.Merge(config, added)
	}
	config.Ignition.Config.Merge = append(elsewhere, config.Ignition.Config.Merge...)
	text, err := json.Marshal(config)
	if err == nil {
		config, _, err = o.parse(text)
	}
	return config, text, within("what config.merge makes of the document", err)
}

// isInline reports whether a document is within the one that refers to it.
func isInline(r types.Resource) bool { return strings.HasPrefix(value(r.Source), "data:") }

// open returns a carried document in the specification that is read here. If its version
// is later or has another major number, it returns nil and the version.
func (o *opener) open(r types.Resource, name string, deep int) (inner []byte, version string, err error) {
	if deep == deepest {
		return nil, "", fmt.Errorf("documents are nested more than %d deep", deepest)
	}
	if inner, err = resource(r); err != nil {
		return nil, "", errDamaged(name)
	}
	if hash := value(r.Verification.Hash); hash != "" && !slices.Contains(hashes(inner), hash) {
		return nil, "", fmt.Errorf("the document in %s does not match the hash beside it: it was changed or cut short", name)
	}
	if o.left -= len(inner) + 1; o.left < 0 {
		return nil, "", fmt.Errorf("the documents that it carries are larger than %d MiB", largest>>20)
	}
	inner, version = o.specified(inner)
	return inner, version, nil
}

// specified converts a document of an earlier specification to the one that is read here:
// each has the fields of its predecessors, with the same meaning (config/v3_*/translate).
func (o *opener) specified(text []byte) (same []byte, version string) {
	var document map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if decoder.Decode(&document) != nil {
		return text, "" // the parser reports what is wrong
	}
	ignition, _ := document["ignition"].(map[string]any)
	version, _ = ignition["version"].(string)
	of, known := profiles.ParseVersion(version)
	reads, _ := profiles.ParseVersion(o.system.Spec)
	switch {
	case version == o.system.Spec || !known:
		return text, version
	case of.Major != reads.Major || of.Compare(reads) > 0:
		return nil, version
	}
	ignition["version"] = o.system.Spec
	same, err := marshal(document)
	if err != nil {
		return text, version
	}
	return same, version
}

// Carries reports whether a text is an Ignition or Butane document that carries another
// one, or refers to one.
func Carries(text []byte) bool {
	if !bytes.Contains(text, []byte("ignition")) {
		return false
	}
	var document struct{ Ignition struct{ Config any } }
	if json.Unmarshal(text, &document) != nil && yaml.Unmarshal(text, &document) != nil {
		return false
	}
	return document.Ignition.Config != nil
}
