package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// registration is how etcd's source makes a flag: its type, and the words that
// it takes where there is a fixed number of them.
type registration struct {
	kind   string
	values []string
}

// kinds are the types of the values that etcd makes itself (go.etcd.io/etcd,
// pkg/flags), by what makes them. Flags of the others are called after their
// function: Int64Var makes an int64.
var kinds = map[string]string{
	"NewUint32Value":              "uint32",
	"NewURLsValue":                "urls",
	"NewUniqueURLsWithExceptions": "urls",
	"NewStringsValue":             "list",
	"NewUniqueStringsValue":       "list",
	"CORSInfo":                    "list",
	"NewStringsFlag":              word,
	"NewSelectiveStringValue":     word,
	"NewSelectiveStringsValue":    "list",
	"AddFlag":                     "mapStringBool", // of feature gates
}

const word = "string"

// source is what etcd's packages declare.
type source struct {
	words map[string]string        // constants that are strings
	makes map[string]*ast.CallExpr // what makes a field, by its name
	types map[string]string        // names of the types of fields
	calls []*ast.CallExpr
}

// readSource reads the packages in directories.
func readSource(dirs []string) (*source, error) {
	s := &source{map[string]string{}, map[string]*ast.CallExpr{}, map[string]string{}, nil}
	for _, dir := range dirs {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			ast.Inspect(file, s.note)
		}
	}
	return s, nil
}

func (s *source) note(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if i < len(n.Values) {
				if text, is := s.text(n.Values[i]); is {
					s.words[name.Name] = text
				}
			}
		}
	case *ast.KeyValueExpr:
		if key, named := n.Key.(*ast.Ident); named {
			if call, made := n.Value.(*ast.CallExpr); made {
				s.makes[key.Name] = call
			}
		}
	case *ast.Field:
		for _, name := range n.Names {
			s.types[name.Name] = last(n.Type)
		}
	case *ast.CallExpr:
		s.calls = append(s.calls, n)
	}
	return true
}

// last is the last name of an expression: Value of *flags.Value.
func last(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.StarExpr:
		return last(e.X)
	}
	return ""
}

// text is the string that an expression stands for: a literal, a constant, or
// either as a type of its own.
func (s *source) text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.CallExpr:
		if len(e.Args) == 1 {
			return s.text(e.Args[0])
		}
	}
	text, known := s.words[last(e)]
	return text, known
}

// registered gives the flags that etcd makes in its packages: those of its
// flag set, which is called fs. What it makes in a loop it only passes over.
func registered(dirs []string) (map[string]registration, error) {
	s, err := readSource(dirs)
	if err != nil {
		return nil, err
	}
	out := map[string]registration{}
	for _, call := range s.calls {
		method, is := call.Fun.(*ast.SelectorExpr)
		if !is || len(call.Args) < 2 {
			continue
		}
		kind, isVar := strings.CutSuffix(method.Sel.Name, "Var")
		gates := method.Sel.Name == "AddFlag" && last(call.Args[0]) == "fs"
		name, named := s.text(call.Args[1])
		if !named || !gates && !(isVar && last(method.X) == "fs") {
			continue
		}
		made := registration{kind: strings.ToLower(kind)}
		if gates {
			made.kind = kinds["AddFlag"]
		} else if kind == "" {
			made, err = s.value(name, call.Args[0])
		}
		if err != nil {
			return nil, err
		}
		out[name] = made
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no flag is made in %s", strings.Join(dirs, ", "))
	}
	return out, nil
}

// value is the type of a flag that is made with a value of etcd's own.
func (s *source) value(name string, e ast.Expr) (registration, error) {
	call, made := e.(*ast.CallExpr)
	if !made {
		call, made = s.makes[last(e)]
	}
	maker := s.types[last(e)]
	if made {
		maker = last(call.Fun)
	}
	kind, known := kinds[maker]
	if !known {
		return registration{}, fmt.Errorf("etcd makes --%s of %q: give that a type in kinds", name, maker)
	}
	out := registration{kind: kind}
	if made && (kind == word || maker == "NewSelectiveStringsValue") {
		for _, arg := range call.Args {
			text, known := s.text(arg)
			if !known {
				return registration{}, fmt.Errorf("a value of etcd's --%s is no constant of its packages", name)
			}
			out.values = append(out.values, text)
		}
		slices.Sort(out.values)
	}
	return out, nil
}
