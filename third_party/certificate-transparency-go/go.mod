module github.com/google/certificate-transparency-go

go 1.26.0
