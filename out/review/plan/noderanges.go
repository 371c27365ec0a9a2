package plan

import (
	"fmt"
	"net/netip"
	"strings"
)

// rangesFit asks whether all ranges of Nodes are inside the new ones, and prints the Nodes
// of which one is not. Shells cannot compare prefixes, so it is a pattern of their texts.
func rangesFit(ranges []netip.Prefix) Command {
	var patterns, texts []string
	for _, r := range ranges {
		patterns, texts = append(patterns, insideOf(r)), append(texts, r.String())
	}
	c := onWorkstation(fmt.Sprintf(`v=$(kubectl get nodes -o jsonpath='{range .items[*]}{.metadata.name} {.spec.podCIDRs[*]}{"\n"}{end}') && ! echo "$v" | grep -Ev '^$|^[^ ]+( (%s)[^ ]*)* *$'`, strings.Join(patterns, "|")))
	c.Asks, c.Expected = RangesFit, "ranges in "+strings.Join(texts, " and ")
	return c
}

// insideOf returns an extended regular expression for the beginning of all smaller ranges.
func insideOf(p netip.Prefix) string {
	p = p.Masked()
	bytes, group, format, end := p.Addr().AsSlice(), 1, "%d", `\.`
	if p.Addr().Is6() {
		group, format, end = 2, "%x", ":"
	}
	var b strings.Builder
	for at := 0; at*8 < p.Bits(); at += group {
		value := int(bytes[at])
		if group == 2 {
			value = value<<8 | int(bytes[at+1])
		}
		free := max(0, (at+group)*8-p.Bits())
		switch {
		case free > 0 && group == 1:
			var all []string
			for i := range 1 << free {
				all = append(all, fmt.Sprintf(format, value+i))
			}
			b.WriteString("(" + strings.Join(all, "|") + ")")
		case free > 0:
			b.WriteString(hexadecimal(value, free))
		case value == 0 && group == 2:
			b.WriteString("0?") // it may be left out
		default:
			fmt.Fprintf(&b, format, value)
		}
		if at+group < len(bytes) {
			b.WriteString(end)
		}
	}
	return b.String()
}

// hexadecimal returns a pattern of the numbers that differ from one in the last bits.
func hexadecimal(value, bits int) string {
	digits, any := bits/4, ""
	if digits > 0 {
		any = fmt.Sprintf("[0-9a-f]{%d}", digits)
	}
	var all []string
	for i := range 1 << (bits % 4) {
		if first := value>>(4*digits) + i; first > 0 {
			all = append(all, fmt.Sprintf("%x%s", first, any))
		} else {
			all = append(all, fmt.Sprintf("[0-9a-f]{0,%d}", max(1, digits)))
		}
	}
	return "(" + strings.Join(all, "|") + ")"
}
