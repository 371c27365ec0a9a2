package gen_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// costly are calls that may not be made before main: every run would pay for
// them, whatever it was asked for. lazy.Regexp and sync.OnceValue put them off.
var costly = []string{"regexp.MustCompile", "regexp.Compile", "regexp.MustCompilePOSIX", "regexp.CompilePOSIX", "template.Must", "template.New", "json.Unmarshal", "yaml.Unmarshal"}

// TestStart: no package computes before main what a run may not need, and what
// lazy.Regexp is given is a regular expression.
func TestStart(t *testing.T) {
	expressions := 0
	for path := range allowed {
		names, _ := filepath.Glob("../" + strings.TrimPrefix(path, "hagen/") + "/*.go")
		set := token.NewFileSet()
		var files []*ast.File
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		constants := constantsOf(files)
		for _, file := range files {
			for _, call := range beforeMain(file) {
				at := set.Position(call.Pos())
				switch name := called(call); {
				case name == "lazy.Regexp":
					expressions++
					text, known := textOf(call.Args[0], constants)
					if _, err := regexp.Compile(text); err != nil || !known {
						t.Errorf("%s: lazy.Regexp is not given the text of a regular expression: %v", at, err)
					}
				case name == "func":
					t.Errorf("%s computes before main: make it a sync.OnceValue", at)
				default:
					for _, c := range costly {
						if name == c {
							t.Errorf("%s calls %s before main: make it a lazy.Regexp or a sync.OnceValue", at, name)
						}
					}
				}
			}
		}
	}
	if expressions < 100 {
		t.Errorf("%d regular expressions, there are more", expressions)
	}
}

// beforeMain lists the calls of a file that are made before main: those of
// variables of the package, and of init. What stands in a function's literal
// is done when that is called.
func beforeMain(file *ast.File) (calls []*ast.CallExpr) {
	for _, d := range file.Decls {
		if f, is := d.(*ast.FuncDecl); is && (f.Recv != nil || f.Name.Name != "init") {
			continue
		}
		ast.Inspect(d, func(n ast.Node) bool {
			if call, is := n.(*ast.CallExpr); is {
				calls = append(calls, call)
			}
			_, later := n.(*ast.FuncLit)
			return !later
		})
	}
	return calls
}

// called names what a call calls: package.Function, or "func" for a function's
// literal that is called at once.
func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.FuncLit:
		return "func"
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if p, is := f.X.(*ast.Ident); is {
			return p.Name + "." + f.Sel.Name
		}
	}
	return ""
}

// constantsOf finds the constants of a package.
func constantsOf(files []*ast.File) map[string]ast.Expr {
	found := map[string]ast.Expr{}
	for _, file := range files {
		for _, d := range file.Decls {
			general, is := d.(*ast.GenDecl)
			if !is || general.Tok != token.CONST {
				continue
			}
			for _, s := range general.Specs {
				for i, value := range s.(*ast.ValueSpec).Values {
					found[s.(*ast.ValueSpec).Names[i].Name] = value
				}
			}
		}
	}
	return found
}

// textOf gives the text of an expression of literals and constants.
func textOf(e ast.Expr, constants map[string]ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.Ident:
		value, found := constants[e.Name]
		if !found {
			return "", false
		}
		return textOf(value, constants)
	case *ast.BinaryExpr:
		left, one := textOf(e.X, constants)
		right, two := textOf(e.Y, constants)
		return left + right, one && two && e.Op == token.ADD
	}
	return "", false
}
