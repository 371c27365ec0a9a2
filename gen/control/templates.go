package control

import (
	"embed"
	"strings"
	"sync"
	"text/template"
)

//go:embed templates
var templateFiles embed.FS

// templates are texts in which few things differ between machines. Their reasons are
// in comments of the templates, which are not rendered.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Option("missingkey=error").
		Funcs(template.FuncMap{"time": haproxyTime}).ParseFS(templateFiles, "templates/*.tmpl"))
})

// values maps the names in a template to their values.
type values map[string]any

// fill returns a template's text. It can only fail for a faulty template, and tests
// fill all of them.
func fill(name string, v values) string {
	var b strings.Builder
	if err := templates().ExecuteTemplate(&b, name, v); err != nil {
		panic(err)
	}
	return b.String()
}
