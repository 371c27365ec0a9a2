package gen_test

import (
	"encoding/json"
	"errors"
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

const clusterPackage = "hagen/gen/cluster"

// written are writes to a cluster as somebody might make them; whatever is at
// the end of a line that says so must be found, and nothing else.
const written = `package elsewhere

import (
	"slices"

	"hagen/gen/cluster"
)

type site struct{ *cluster.Cluster }

func spoil(c *cluster.Cluster, s site) *int {
	c.Name = "" // found
	s.HostsFile = true // found
	c.Machines[0].Address() // reads
	c.Machines[0].Name += "x" // found
	c.Machines[0] = cluster.Host{} // found
	c.PKI.Algorithm, c.Name = "", c.Domain // found
	*c = cluster.Cluster{} // found
	copied := *c
	copied.Balancing.StatsPort++ // found
	c.Binaries.Sources["etcd"] = "" // found
	delete(c.Binaries.Sources, "etcd") // found
	slices.Reverse(c.Machines) // found
	s.Cluster = nil
	s = site{c}
	lock := cluster.LockContents{}
	lock.Names = nil
	lock.Bases[0].File = "" // found
	for _, c.Name = range []string{""} { // found
	}
	return &c.Snapshots.Keep // found
}
`

// TestClusterUnwritten: nothing writes to a cluster that cluster.New has given.
// Outside of its package no field of it, nor of what it holds, is written at
// all, not even in a copy; what a lock file is to say is no part of it. Within, nothing is written through a pointer to one,
// but by New itself, which reaches its cluster through the validation.
func TestClusterUnwritten(t *testing.T) {
	t.Parallel()
	forbids(t, "writes to a cluster", written, func(path string, info types.Info, n ast.Node) []ast.Expr {
		return slices.DeleteFunc(slices.Clone(targets(n)), func(e ast.Expr) bool { return !writes{path, info}.forbidden(e) })
	})
}

const compared = `package elsewhere

import "hagen/gen/cluster"

func compare(h, other cluster.Host, roles map[cluster.Role]string) bool {
	const own = cluster.Master
	switch h.Role {
	case cluster.Master: // found
	case other.Role:
	}
	return h.Role == cluster.LoadBalancer || // found
		"master" != h.Role || // found
		own == h.Role || // found
		h.Role == other.Role || roles[cluster.Master] == "" || h.Role.Runs("etcd")
}
`

// TestRolesUncompared: what a role is has its rows, so nothing is compared with
// one of them.
func TestRolesUncompared(t *testing.T) {
	t.Parallel()
	forbids(t, "compares with a role", compared, func(_ string, info types.Info, n ast.Node) (out []ast.Expr) {
		var operands []ast.Expr
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				operands = []ast.Expr{n.X, n.Y}
			}
		case *ast.CaseClause:
			operands = n.List
		}
		for _, e := range operands {
			if v := info.Types[e]; v.Value != nil && v.Type.String() == clusterPackage+".Role" {
				out = append(out, e)
			}
		}
		return out
	})
}

// sources are packages that are read as the compiler reads them.
type sources struct {
	files   *token.FileSet
	exports map[string]string
}

// listed is one of hagen's packages, as go list tells it.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
}

// list lists hagen's packages, and notes where the compiler left those and all
// that they import.
func (s sources) list(t *testing.T) (own []listed) {
	t.Helper()
	output, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,GoFiles,Export", "hagen/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return own
		} else if err != nil {
			t.Fatal(err)
		}
		s.exports[p.ImportPath] = p.Export
		if strings.HasPrefix(p.ImportPath, "hagen/") {
			own = append(own, p)
		}
	}
}

// read reads a package, of one file with this text, or of all these from disk.
func (s sources) read(t *testing.T, path string, names []string, text any) (parsed []*ast.File, info types.Info) {
	t.Helper()
	for _, name := range names {
		f, err := parser.ParseFile(s.files, name, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	info = types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
	compiled := importer.ForCompiler(s.files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(s.exports[path]) })
	checker := types.Config{Importer: compiled}
	if _, err := checker.Check(path, s.files, parsed, &info); err != nil {
		t.Fatal(err)
	}
	return parsed, info
}

// forbids reads all of hagen's packages and a made-up one. It tells each place
// that is wrong, of the latter where that differs from its lines that say
// "// found".
func forbids(t *testing.T, what, madeUp string, wrong func(path string, info types.Info, n ast.Node) []ast.Expr) {
	t.Helper()
	s := sources{token.NewFileSet(), map[string]string{}}
	places := func(path string, names []string, text any) (out []token.Position) {
		parsed, info := s.read(t, path, names, text)
		for _, f := range parsed {
			ast.Inspect(f, func(n ast.Node) bool {
				for _, e := range wrong(path, info, n) {
					out = append(out, s.files.Position(e.Pos()))
				}
				return true
			})
		}
		return out
	}
	for _, p := range s.list(t) {
		var names []string
		for _, name := range p.GoFiles {
			names = append(names, filepath.Join(p.Dir, name))
		}
		for _, at := range places(p.ImportPath, names, nil) {
			t.Errorf("%s %s", at, what)
		}
	}
	found := map[int]bool{}
	for _, at := range places("hagen/elsewhere", []string{"elsewhere.go"}, madeUp) {
		found[at.Line] = true
	}
	for i, line := range strings.Split(madeUp, "\n") {
		if found[i+1] != strings.HasSuffix(line, "// found") {
			t.Errorf("found %v: %s", found[i+1], line)
		}
	}
}

// targets are what a statement writes to, or gives to others to write to.
func targets(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		switch name := types.ExprString(n.Fun); {
		case name == "delete", name == "clear", name == "copy", strings.HasPrefix(name, "slices.Sort"), name == "slices.Reverse":
			return n.Args[:1]
		}
	}
	return nil
}

// writes are those of one package.
type writes struct {
	path string
	info types.Info
}

// forbidden says whether a write goes to a cluster that may be in use.
func (w writes) forbidden(target ast.Expr) bool {
	for target != nil {
		switch e := target.(type) {
		case *ast.SelectorExpr:
			s := w.info.Selections[e]
			if s == nil {
				return false // a package's variable
			}
			if ident(e.X) && isOf(s.Recv(), "LockContents") {
				return false
			}
			field := s.Obj()
			if w.path != clusterPackage && field.Pkg() != nil && field.Pkg().Path() == clusterPackage {
				return true
			}
			if w.path == clusterPackage && isCluster(s.Recv()) && ident(e.X) {
				return true
			}
			target = e.X
		case *ast.IndexExpr:
			target = e.X
		case *ast.StarExpr:
			if isCluster(w.info.Types[e.X].Type) {
				return true
			}
			target = e.X
		case *ast.ParenExpr:
			target = e.X
		default:
			return false
		}
	}
	return false
}

// ident says whether an expression is a variable, such as a method's receiver;
// New's validation reaches its cluster through a field.
func ident(e ast.Expr) bool {
	_, is := e.(*ast.Ident)
	return is
}

// isCluster says whether a type is a pointer to a cluster.
func isCluster(t types.Type) bool {
	p, is := t.(*types.Pointer)
	return is && isOf(p.Elem(), "Cluster")
}

// isOf says whether a type is this one of the cluster's package.
func isOf(t types.Type, name string) bool {
	named, is := t.(*types.Named)
	return is && named.Obj().Name() == name && named.Obj().Pkg().Path() == clusterPackage
}
