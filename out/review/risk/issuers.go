package risk

import (
	"fmt"
	"slices"
	"strings"

	"hagen/gen/node"
	"hagen/out/review/facts"
)

// OfIssuers returns the risks of other issuers of service-account tokens. The first of an
// API server's issuers signs, and it accepts tokens of all of them, whose audience is their
// issuer (kubernetes, pkg/kubeapiserver/options, ServiceAccounts.Issuers and APIAudiences;
// the same in 1.34 to 1.37). While API servers restart one after the other, each has to
// accept what the others sign.
func OfIssuers(before, after node.Node) []Risk {
	return issuerRisks(issuersOf(before), issuersOf(after), len(membersOf(before)) > 1 || len(membersOf(after)) > 1)
}

func issuersOf(n node.Node) []string {
	return facts.UnitOf(n, facts.APIUnit).Values("--service-account-issuer")
}

// membersOf lists the masters that the document of one of them names.
func membersOf(n node.Node) []string {
	return strings.Split(facts.Flag(n, facts.EtcdUnit, "--initial-cluster"), ",")
}

// issuerRisks compares the issuers of API servers. Several tells that some run with the
// old ones while others run with the new ones.
func issuerRisks(before, after []string, several bool) []Risk {
	if len(before) == 0 || len(after) == 0 || slices.Equal(before, after) {
		return nil
	}
	old, new := before[0], after[0]
	var problems []string
	if !slices.Contains(after, old) {
		problems = append(problems, fmt.Sprintf("API servers no longer accept tokens of the issuer %s, which pods have", old))
	}
	if several && !slices.Contains(before, new) {
		problems = append(problems, fmt.Sprintf("API servers that have not restarted yet refuse the tokens that others issue as %s", new))
	}
	if len(problems) == 0 {
		return expired(missing(before, after))
	}
	r := Risk{Field: "serviceAccountIssuer", Refused: true, Problem: strings.Join(problems, "; "), Remedy: inSteps(before, after, several)}
	if len(before) == 1 && len(after) == 1 && domainOf(old) != "" && domainOf(new) != "" {
		r.Field = "clusterDomain"
		r.Problem = fmt.Sprintf("the issuer of service-account tokens follows it: %s. This line keeps tokens valid: serviceAccountIssuer: %s", r.Problem, old)
		r.Remedy = "write that line, too: an issuer need not have the domain's name. If it is to change, " + r.Remedy
	}
	return []Risk{r}
}

// expired returns the risk of issuers that were accepted and did not sign: their tokens
// may still be in use.
func expired(issuers []string) []Risk {
	if len(issuers) == 0 {
		return nil
	}
	return []Risk{{Field: "serviceAccountIssuer",
		Problem: fmt.Sprintf("API servers no longer accept tokens of the issuer %s: go on only when none is in use. A kubelet renews a pod's token within an hour; restart pods that read theirs only once, and replace tokens that were given out (kubectl create token)", strings.Join(issuers, ", "))}}
}

// inSteps returns the lists with which the issuer changes without a refused token: first
// all accept the new one, then it signs, then the old one goes.
func inSteps(before, after []string, several bool) string {
	accepted := slices.Concat(before, missing(after, before))
	signing := slices.Concat(after, missing(before, after))
	steps := [][]string{before, signing, after}
	if several {
		steps = slices.Insert(steps, 1, accepted)
	}
	var texts []string
	for _, step := range slices.CompactFunc(steps, slices.Equal)[1:] {
		texts = append(texts, issuersText(step))
	}
	if len(texts) == 1 {
		return "write serviceAccountIssuer: " + texts[0]
	}
	last := " " + texts[len(texts)-1]
	if len(after) < len(signing) {
		last = ", when no token of the old issuer is in use any more," + last
	}
	return fmt.Sprintf("change it in steps, each with its own plan: first serviceAccountIssuer: %s; then%s", strings.Join(texts[:len(texts)-1], "; then "), last)
}

// issuersText writes issuers as the cluster file has them.
func issuersText(issuers []string) string {
	if len(issuers) == 1 {
		return issuers[0]
	}
	quoted := slices.Clone(issuers)
	for i, one := range quoted {
		if strings.ContainsAny(one, ",[]") {
			quoted[i] = `"` + one + `"`
		}
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// domainOf returns the domain of services that the default issuer has in its name; "" for
// another issuer.
func domainOf(issuer string) string {
	domain, _ := strings.CutPrefix(issuer, "https://kubernetes.default.svc.")
	if domain == issuer {
		return ""
	}
	return domain
}

// missing returns the issuers that others lack.
func missing(issuers, others []string) []string {
	return slices.DeleteFunc(slices.Clone(issuers), func(i string) bool { return slices.Contains(others, i) })
}
