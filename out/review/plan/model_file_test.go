package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tree is a part of a cluster file in YAML's flow style: a map, a list or a text.
type tree struct {
	fields map[string]*tree
	items  []*tree
	text   string
}

// grow reads fields, which commas or line breaks separate.
func grow(text string) *tree {
	r := &reader{text: strings.ReplaceAll(text, "\n", ", ")}
	return r.fields()
}

type reader struct {
	text string
	at   int
}

// next skips blanks and commas, and returns what follows, 0 at the end.
func (r *reader) next() byte {
	for r.at < len(r.text) && strings.IndexByte(" ,", r.text[r.at]) >= 0 {
		r.at++
	}
	if r.at == len(r.text) {
		return 0
	}
	return r.text[r.at]
}

func (r *reader) fields() *tree {
	t := &tree{fields: map[string]*tree{}}
	for c := r.next(); c != 0 && c != '}'; c = r.next() {
		end := strings.IndexByte(r.text[r.at:], ':')
		key := r.text[r.at : r.at+end]
		r.at += end + 1
		t.fields[key] = r.value()
	}
	r.at++
	return t
}

func (r *reader) value() *tree {
	switch r.next() {
	case '{':
		r.at++
		return r.fields()
	case '[':
		r.at++
		t := &tree{items: []*tree{}}
		for c := r.next(); c != 0 && c != ']'; c = r.next() {
			t.items = append(t.items, r.value())
		}
		r.at++
		return t
	}
	from, quoted := r.at, false
	for ; r.at < len(r.text) && (quoted || strings.IndexByte(",]}", r.text[r.at]) < 0); r.at++ {
		quoted = quoted != (r.text[r.at] == '\'')
	}
	return &tree{text: strings.TrimSpace(r.text[from:r.at])}
}

// String writes a tree as it is read.
func (t *tree) String() string {
	switch {
	case t.fields != nil:
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(t.fields)) {
			parts = append(parts, key+": "+t.fields[key].String())
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case t.items != nil:
		var parts []string
		for _, i := range t.items {
			parts = append(parts, i.String())
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return t.text
}

// merged is a tree with what another says: of a list of maps, the first changes the first,
// and others the one with their name; other lists and texts are replaced. The text "none"
// takes a field away.
func (t *tree) merged(other *tree) *tree {
	switch {
	case t.fields != nil && other.fields != nil:
		out := &tree{fields: maps.Clone(t.fields)}
		for key, value := range other.fields {
			had, has := out.fields[key]
			switch {
			case value.text == "none":
				delete(out.fields, key)
			case has:
				out.fields[key] = had.merged(value)
			default:
				out.fields[key] = value
			}
		}
		return out
	case len(t.items) > 0 && len(other.items) > 0 && t.items[0].fields != nil && other.items[0].fields != nil:
		out := &tree{items: slices.Clone(t.items)}
		for i, item := range other.items {
			at := slices.IndexFunc(out.items, func(o *tree) bool { return i > 0 && fmt.Sprint(o.fields["name"]) == fmt.Sprint(item.fields["name"]) })
			switch {
			case i == 0:
				out.items[0] = out.items[0].merged(item)
			case at >= 0:
				out.items[at] = out.items[at].merged(item)
			default:
				out.items = append(out.items, item)
			}
		}
		return out
	}
	return other
}

// at is a tree with fields at a place below the top of the file.
func at(parent, text string) *tree {
	t := grow(text)
	for key := strings.TrimSuffix(parent, "."); key != ""; {
		i := strings.LastIndex(key, ".")
		name, isItem := strings.CutSuffix(key[i+1:], "[]")
		if more := needed[key[i+1:]]; isItem && more != "" && !strings.HasSuffix(key, "spec.masters[]") && !strings.HasSuffix(key, "spec.loadBalancers[]") {
			t = grow(more).merged(t)
		}
		if isItem {
			t = &tree{items: []*tree{t}}
		}
		t = &tree{fields: map[string]*tree{name: t}}
		key = key[:max(i, 0)]
	}
	return t
}

// topology is a cluster file from which changes begin.
type topology struct{ name, spec string }

const threeMasters = "masters: [{name: kubem00, addresses: [10.10.10.80]}, {name: kubem01, addresses: [10.10.10.81]}, {name: kubem02, addresses: [10.10.10.82]}]"

// topologies have what profiles and modes have: one load balancer and two with a virtual
// IP, HAProxy on masters, a load balancer that is not hagen's, one master, three and five.
var topologies = []topology{
	{"balancer", threeMasters + "\nloadBalancers: [{name: kubernetes, addresses: [10.10.10.2]}]"},
	{"pair", threeMasters + "\nloadBalancers: [{name: lb0, addresses: [10.10.10.2]}, {name: lb1, addresses: [10.10.10.3]}]\nloadBalancer: {virtualIP: 10.10.10.9}"},
	{"colocated", threeMasters + "\nloadBalancer: {mode: colocated, virtualIP: 10.10.10.9}\napiServer: {port: 6444}"},
	{"external", "masters: [{name: kubem00, addresses: [10.10.10.80]}, {name: kubem01, addresses: [10.10.10.81]}, {name: kubem02, addresses: [10.10.10.82]}, {name: kubem05, addresses: [10.10.10.85]}, {name: kubem06, addresses: [10.10.10.86]}]\nloadBalancer: {mode: external}"},
	{"single", "masters: [{name: kubem00, addresses: [10.10.10.80]}]\nloadBalancers: [{name: kubernetes, addresses: [10.10.10.2]}]"},
	{"classic", threeMasters + "\nloadBalancers: [{name: kubernetes, addresses: [10.10.10.2]}]\nprofile: classic\nkubernetesVersion: 1.9.2\nos: generic\npki: {algorithm: ecdsa-p256}"},
}

// file is the tree of a topology's cluster file.
func (t topology) file() *tree {
	base := grow("apiVersion: hagen/v1alpha1\nkind: Cluster\nmetadata: {name: kubernetes}\nspec: {kubernetesVersion: 1.36.3, endpoint: 'kubernetes:6443', serviceCIDRs: [10.32.0.0/16], podCIDRs: [10.38.0.0/16]}")
	return base.merged(at("spec.", t.spec))
}

// changed are the two files of one or more trials, in a topology.
func (t topology) changed(trials ...trial) (from, to *tree) {
	var out [2]*tree
	for side := range out {
		f := t.file()
		for _, c := range trials {
			if strings.HasPrefix(c.with, two) {
				f = f.twoAddresses()
				f = f.merged(at("spec.", strings.TrimPrefix(strings.TrimPrefix(c.with, two), "\n")))
			} else {
				f = f.merged(at("spec.", c.with))
			}
		}
		for _, c := range trials {
			f = f.merged(at(parentOf(c.field), c.values(c.field)[side]))
			if side == 1 {
				f = f.merged(at("spec.", c.and))
			}
		}
		out[side] = f
	}
	return out[0], out[1]
}

// twoAddresses gives each machine one more address, with the same last part.
func (t *tree) twoAddresses() *tree {
	spec := *t.fields["spec"]
	spec.fields = maps.Clone(spec.fields)
	for _, role := range []string{"masters", "loadBalancers"} {
		if spec.fields[role] == nil {
			continue
		}
		list := &tree{}
		for _, m := range spec.fields[role].items {
			own := m.fields["addresses"].items[0].text
			more := grow("addresses: [" + own + ", 192.0.2." + own[strings.LastIndex(own, ".")+1:] + "]")
			list.items = append(list.items, m.merged(more))
		}
		spec.fields[role] = list
	}
	return &tree{fields: map[string]*tree{"apiVersion": t.fields["apiVersion"], "kind": t.fields["kind"], "metadata": t.fields["metadata"], "spec": &spec}}
}
