package check_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSubjects: a subject's files use each other's declarations and those of
// files about facts, which know no subject. Whoever judges a fact does not write
// to it, and nobody to a variable of the package. A table of checks makes its file
// a subject, together with the files of the functions that its rows name.
func TestSubjects(t *testing.T) {
	s := load(t)
	tables := s.tables()
	of := map[string]string{} // file: the subject's first file
	for _, table := range tables {
		for _, file := range append(table.functions, table.file) {
			if other, taken := of[file]; taken && other != table.file {
				t.Errorf("tables in %s and %s both name functions of %s", other, table.file, file)
			}
			of[file] = table.file
		}
	}
	if len(tables) < 20 {
		t.Fatalf("%d tables of checks", len(tables))
	}
	runs := map[string]bool{} // files that name others' tables
	for _, u := range s.uses {
		runs[u.from] = runs[u.from] || slices.ContainsFunc(tables, func(table table) bool { return table.name == u.name })
	}
	for _, u := range s.uses {
		from, to := of[u.from], of[u.to]
		switch {
		case u.name == "find" && from == "":
			t.Errorf("%s: makes findings, and no table names a function of its file", u.at)
		case to != "" && from != to && !runs[u.from]:
			t.Errorf("%s: uses %s of %s", u.at, u.name, u.to)
		}
	}
	for _, w := range s.writes {
		if w.name == "" || of[w.from] != "" && of[w.to] == "" && w.name != "Finding" {
			t.Errorf("%s: writes to what is read once: %s of %s", w.at, w.name, w.to)
		}
	}
}

// source is a package, as far as its files' uses of each other go.
type source struct {
	files  []*ast.File
	set    *token.FileSet
	info   *types.Info
	within *types.Package
	uses   []use
	writes []use // to fields, with the struct's name, and to variables of the package, with none
}

// use is where a file names what another declares.
type use struct{ from, to, name, at string }

// load reads the package of this test, without tests.
func load(t *testing.T) *source {
	s := &source{set: token.NewFileSet(), info: &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}, Types: map[ast.Expr]types.TypeAndValue{}}}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(s.set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, f)
	}
	listed, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	compiled := map[string]string{}
	for line := range strings.Lines(string(listed)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		compiled[path] = file
	}
	config := types.Config{Importer: importer.ForCompiler(s.set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(compiled[path]) })}
	if s.within, err = config.Check("hagen/gen/check", s.set, s.files, s.info); err != nil {
		t.Fatal(err)
	}
	for _, f := range s.files {
		ast.Inspect(f, s.visit)
	}
	return s
}

func (s *source) file(p token.Pos) string { return s.set.Position(p).Filename }

// visit notes uses and writes.
func (s *source) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.Ident:
		if o := s.info.Uses[n]; o != nil && o.Pkg() == s.within && s.file(o.Pos()) != s.file(n.Pos()) {
			s.uses = append(s.uses, use{s.file(n.Pos()), s.file(o.Pos()), o.Name(), s.set.Position(n.Pos()).String()})
		}
	case *ast.AssignStmt:
		for _, to := range n.Lhs {
			s.write(to)
		}
	case *ast.IncDecStmt:
		s.write(n.X)
	}
	return true
}

// write notes the fields on the way to what is written.
func (s *source) write(to ast.Expr) {
	switch x := to.(type) {
	case *ast.Ident:
		if o := s.info.Uses[x]; o != nil && o.Parent() == s.within.Scope() {
			s.writes = append(s.writes, use{from: s.file(x.Pos()), to: s.file(o.Pos()), at: s.set.Position(x.Pos()).String()})
		}
	case *ast.IndexExpr:
		s.write(x.X)
	case *ast.StarExpr:
		s.write(x.X)
	case *ast.SelectorExpr:
		field := s.info.Selections[x]
		if field == nil || field.Kind() != types.FieldVal || field.Obj().Pkg() != s.within {
			s.write(x.X)
			return
		}
		s.writes = append(s.writes, use{s.file(to.Pos()), s.file(field.Obj().Pos()), s.holder(field.Obj()), s.set.Position(to.Pos()).String()})
	}
}

// holder names the struct of a field.
func (s *source) holder(field types.Object) string {
	for _, name := range s.within.Scope().Names() {
		if of, is := s.within.Scope().Lookup(name).Type().Underlying().(*types.Struct); is {
			for f := range of.Fields() {
				if f == field {
					return name
				}
			}
		}
	}
	return ""
}

// table is a variable that lists checks.
type table struct {
	name, file string
	functions  []string // the files of those that it names
}

func (s *source) tables() (out []table) {
	for id, o := range s.info.Defs {
		if v, is := o.(*types.Var); is && o.Parent() == s.within.Scope() && v.Type().String() == "[]hagen/gen/check.check" {
			t := table{name: id.Name, file: s.file(id.Pos())}
			ast.Inspect(id.Obj.Decl.(ast.Node), func(n ast.Node) bool {
				if of, is := n.(*ast.Ident); is {
					if f, is := s.info.Uses[of].(*types.Func); is {
						t.functions = append(t.functions, s.file(f.Pos()))
					}
				}
				return true
			})
			out = append(out, t)
		}
	}
	return out
}
