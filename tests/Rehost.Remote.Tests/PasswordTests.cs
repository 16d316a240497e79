using Rehost.Testing;

namespace Rehost.Remote.Tests;

/// <summary>Where the password for a host comes from: a prompt, a file, the keyring; nowhere else (S0.26).</summary>
[Requirement("S0.26")]
public sealed class PasswordTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task A_file_the_keyring_and_a_prompt_give_it()
    {
        await using var host = await XapiDouble.Start();
        File.WriteAllBytes(_scratch["disk"], new byte[1 << 20]);
        var xva = XvaFixture.Pack(_scratch, "web01", _scratch["disk"], ["xenbr0"]);
        string[] check = ["upload", xva, "--to", $"xenserver://root@localhost:{host.Port}/", "--tls-fingerprint", host.Fingerprint, "--check"];

        File.WriteAllText(_scratch["password"], "s3cret\nnot this\n");
        Tool.MustRun(Program, [.. check, "--password-file", _scratch["password"]]);
        File.WriteAllText(_scratch["password"], "wrong\n");
        Assert.Contains("XAP004", Tool.Run(Program, [.. check, "--password-file", _scratch["password"]]).Error, StringComparison.Ordinal);
        Assert.Contains("PIP010", Tool.Run(Program, [.. check, "--password-file", _scratch["missing"]]).Error, StringComparison.Ordinal);

        // secret-tool is played by a script that knows one secret.
        Directory.CreateDirectory(_scratch["bin"]);
        File.WriteAllText(_scratch["bin/secret-tool"], "#!/bin/sh\n[ \"$*\" = 'lookup service rehost host localhost user root' ] && echo s3cret\n");
        File.SetUnixFileMode(_scratch["bin/secret-tool"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var path = $"PATH={_scratch["bin"]}:{Environment.GetEnvironmentVariable("PATH")}";
        Tool.MustRun("env", [path, Program, .. check, "--keyring"]);
        check[3] = check[3].Replace("root@", "other@", StringComparison.Ordinal);
        Assert.Contains("PIP010", Tool.Run("env", [path, Program, .. check, "--keyring"]).Error, StringComparison.Ordinal);
        check[3] = check[3].Replace("other@", "root@", StringComparison.Ordinal);

        // Without a terminal nobody can be asked; with one, what is typed is not shown.
        Assert.Contains("--password-file", Tool.RunWithInput(Program, "s3cret\n"u8.ToArray(), check).Error, StringComparison.Ordinal);
        var command = string.Join(' ', new[] { Program }.Concat(check).Select(word => $"'{word}'"));
        var typed = Tool.MustRun("sh", "-c", $"(sleep 3; echo s3cret; sleep 3) | script -qec \"{command}\" /dev/null");
        Assert.Contains("Password of root at localhost", typed, StringComparison.Ordinal);
        Assert.Equal(3, host.Calls.Count(call => call == "session.logout"));
    }

    [Fact]
    public void No_option_takes_it_and_none_shows_it()
    {
        var help = Tool.MustRun(Program, "upload", "--help");
        Assert.DoesNotContain("--password ", help, StringComparison.Ordinal);
        Assert.Contains("--password-file", help, StringComparison.Ordinal);
        var refused = Tool.Run(Program, "download", "xenserver://root:s3cret@localhost/web01", "--output", _scratch["x"]);
        Assert.Contains("XAP001", refused.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", refused.Error + refused.Output, StringComparison.Ordinal);
    }

    private static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "rehost");
}
