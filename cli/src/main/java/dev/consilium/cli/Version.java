package dev.consilium.cli;

import picocli.CommandLine.IVersionProvider;

/** What {@code --version} prints. */
final class Version implements IVersionProvider {

  @Override
  public String[] getVersion() {
    String version = ConsiliumMain.class.getPackage().getImplementationVersion();
    return new String[] {
      "consilium " + (version == null ? "(not packaged)" : version),
      "java "
          + Runtime.version()
          + ", "
          + System.getProperty("os.name")
          + " "
          + System.getProperty("os.arch")
    };
  }
}
