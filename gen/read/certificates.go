package read

// CertificatesPath is the script that tells which certificates of a machine end soon.
const CertificatesPath = "/etc/hagen/certificates.sh"
