using Rehost.Model;
using Rehost.Remote.Ssh;
using Rehost.Testing;

namespace Rehost.Remote.Tests;

/// <summary>What is passed to ssh and to the shell behind it.</summary>
public sealed class SshWordsTests
{
    [Theory]
    [InlineData("xen+ssh://host")]
    [InlineData("xen+ssh://root:secret@host/web01")]
    [InlineData("xen+ssh://-oProxyCommand=touch%20x/web01")]
    [InlineData("xen+ssh://-lroot@host/web01")]
    [InlineData("ssh://host/web01")]
    public void An_address_is_checked(string address) => Assert.DoesNotContain("secret", Refused("SSH001", () => SshAddress.Parse(address)).ToString(), StringComparison.Ordinal);

    [Theory]
    [InlineData("/a b", "'/a b'")]
    [InlineData("/a'; touch /tmp/x; '", "'/a'\\''; touch /tmp/x; '\\'''")]
    [InlineData("/a$(id)`id`", "'/a$(id)`id`'")]
    public void Paths_reach_the_shell_as_one_word(string path, string word)
    {
        Assert.Equal(word, SshHost.Quote(path));
        Assert.Equal(path, Tool.MustRun("sh", "-c", $"printf %s {word}"));
    }

    [Theory]
    [InlineData("relative")]
    [InlineData("/a\nb")]
    public void Other_paths_do_not(string path) => Refused("SSH004", () => SshHost.Quote(path));

    private static Diagnostic Refused(string id, Action action)
    {
        var refused = Assert.Throws<DiagnosticException>(action).Diagnostic;
        Assert.True(refused.Id == id, refused.ToString());
        return refused;
    }
}
