module github.com/zmap/zcrypto

go 1.26.0
