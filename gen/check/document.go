package check

import (
	"strings"

	"hagen/gen/read"
)

// documentRules are about content that hagen does not write.
var documentRules = []check{
	{within: (*machine).further, rules: []rule{
		{ruleUncheckedContent, Error, "it was not checked, and the next render removes it",
			"remove it, or express it in another way"},
		{ruleDocumentsDiffer, Error, "the machine may get the document that was not checked",
			"make both say the same, or remove one"},
		{ruleTranslation, Warning, "hagen writes what Butane makes of config.bu: one of the two was written by hand, or by another program",
			"run hagen render again, or leave it: the machine gets the same"},
	}},
}

// furtherRemedies are remedies for such content, by a word in it.
var furtherRemedies = []struct{ word, remedy string }{
	{"passwordHash", "give the account an SSH key instead: users in the cluster file"},
	{"without quotes", "write it in quotes: cloud-init would not read it as text"},
	{"ignition.config", "embed the document in a data URL, or copy its content into this one: hagen cannot see what is fetched"},
	{"in Ignition", "write it in the specification version of the document that embeds it: hagen does not read later ones, nor those before Ignition 3"},
	{"kernelArguments", "remove it, and set the argument where the machine is installed or booted"},
}

// further reports content that hagen cannot check, and documents that differ.
func (m *machine) further() {
	for _, f := range m.Further {
		item := f.Item
		if item == "" {
			item = "the document"
		}
		found := m.find(ruleUncheckedContent, read.Whole(item), "has %s, which hagen does not write", f.Says)
		for _, row := range furtherRemedies {
			if strings.Contains(f.Says, row.word) {
				found.Remedy = row.remedy
			}
		}
	}
	for _, name := range m.differing {
		m.find(ruleDocumentsDiffer, read.Whole(name), "differs from the document beside it")
	}
	for _, name := range m.otherBytes {
		m.find(ruleTranslation, read.Whole(name), "equals the document beside it, but in other bytes than Butane makes of that")
	}
}
