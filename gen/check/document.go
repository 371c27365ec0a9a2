package check

import (
	"strings"

	"hagen/gen/read"
)

// documentRules are about what a document says beyond.
var documentRules = []check{
	{within: (*machine).further, rules: []rule{
		{ruleUncheckedContent, Error, "it was not checked, and the next render takes it away",
			"remove it, or write it some other way"},
		{ruleDocumentsDiffer, Error, "the machine does what the one says that it is given, and this check is about the other",
			"make both say the same, or remove one"},
		{ruleTranslation, Warning, "hagen writes what Butane makes of config.bu: one of the two was written by hand, or by another program",
			"run hagen render again, or leave it: the machine is told the same"},
	}},
}

// remedies of what a document says beyond what hagen writes, by a word of it.
var furtherRemedies = []struct{ word, remedy string }{
	{"passwordHash", "give the account a key instead: users in the cluster file"},
	{"without quotes", "write it in quotes: cloud-init would take it for a number or another word"},
	{"ignition.config", "carry the document in a data URL, or write what it says into this one: what is fetched cannot be looked at"},
	{"in Ignition", "write it in the specification of the document that carries it: a later one, or of Ignition before 3, cannot be looked at"},
	{"kernelArguments", "remove it, and give the argument where the machine is installed or booted"},
}

// further: what the machine is told is what hagen compares and checks.
func (m *machine) further() {
	for _, f := range m.Further {
		item := f.Item
		if item == "" {
			item = "the document"
		}
		found := m.find(ruleUncheckedContent, read.Whole(item), "says %s, which hagen does not write", f.Says)
		for _, row := range furtherRemedies {
			if strings.Contains(f.Says, row.word) {
				found.Remedy = row.remedy
			}
		}
	}
	for _, name := range m.differing {
		m.find(ruleDocumentsDiffer, read.Whole(name), "says something else of the machine than the document beside it")
	}
	for _, name := range m.otherBytes {
		m.find(ruleTranslation, read.Whole(name), "says the same as the document beside it, in other bytes than Butane makes of that")
	}
}
