# scripts/packaging/recipes puts the version, the address and the checksums of a release in the place of the names between @.
class Petit < Formula
  desc "Job scheduler in one executable"
  homepage "@HOMEPAGE@"
  version "@VERSION@"
  license "MIT"

  on_macos do
    on_arm do
      url "@RELEASES@/download/v@VERSION@/petit-darwin-arm64.tar.gz"
      sha256 "@DARWIN_ARM64@"
    end
    on_intel do
      url "@RELEASES@/download/v@VERSION@/petit-darwin-x64.tar.gz"
      sha256 "@DARWIN_X64@"
    end
  end

  on_linux do
    on_arm do
      url "@RELEASES@/download/v@VERSION@/petit-linux-arm64.tar.gz"
      sha256 "@LINUX_ARM64@"
    end
    on_intel do
      url "@RELEASES@/download/v@VERSION@/petit-linux-x64.tar.gz"
      sha256 "@LINUX_X64@"
    end
  end

  def install
    bin.install "petit"
    man1.install Dir["man/man1/*"]
    man5.install Dir["man/man5/*"]
    bash_completion.install "completions/petit.bash" => "petit"
    zsh_completion.install "completions/_petit"
    fish_completion.install "completions/petit.fish"
    doc.install "CHANGELOG.md", "LICENSE", "README.md", "THIRD-PARTY-LICENSES", "docs"
    (etc/"petit/jobs").mkpath
    (var/"petit").mkpath
  end

  # A restart leaves running tasks alone, and the next start adopts them.
  service do
    run [opt_bin/"petit", "run", etc/"petit/jobs", "--db", var/"petit/petit.db", "--on-shutdown", "leave"]
    keep_alive true
    working_dir var/"petit"
    log_path var/"log/petit.log"
    error_log_path var/"log/petit.log"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/petit --version")
    system bin/"petit", "init", testpath/"jobs"
    assert_match "valid: 1 job", shell_output("#{bin}/petit validate #{testpath}/jobs")
  end
end
